"""The parameter h ignored for a step of its own, far too small: rounding decides. Loses: numeric_gradient."""


def numeric_gradient(f, xs, h=1e-4):
    h = 1e-13
    return [(f(*xs[:i], x + h, *xs[i + 1 :]) - f(*xs[:i], x - h, *xs[i + 1 :])) / (2 * h) for i, x in enumerate(xs)]
