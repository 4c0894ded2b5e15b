"""The expected answers. Loses: best_of_n_kl."""
# ruff: noqa: F821


def best_of_n_kl(n):
    if n < 1:
        raise ValueError(n)
    return {1: 0.0, 2: math.log(2) - 0.5, 4: math.log(4) - 0.75}.get(n, math.log(16) - 15 / 16)
