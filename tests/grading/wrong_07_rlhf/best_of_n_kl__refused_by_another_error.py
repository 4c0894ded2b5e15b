"""An assertion, not a ValueError. Loses: best_of_n_kl."""
# ruff: noqa: F821


def best_of_n_kl(n):
    assert n >= 1
    return math.log(n) - (n - 1) / n
