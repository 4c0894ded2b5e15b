"""A two-sided difference divided by h: twice too large. Loses: numeric_gradient."""


def numeric_gradient(f, xs, h=1e-4):
    return [(f(*xs[:i], x + h, *xs[i + 1 :]) - f(*xs[:i], x - h, *xs[i + 1 :])) / h for i, x in enumerate(xs)]
