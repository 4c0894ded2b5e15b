"""Each input is moved in place and never put back. Loses: numeric_gradient."""


def numeric_gradient(f, xs, h=1e-4):
    gradient = []
    for i in range(len(xs)):
        xs[i] += h
        above = f(*xs)
        xs[i] -= 2 * h
        gradient.append((above - f(*xs)) / (2 * h))
    return gradient
