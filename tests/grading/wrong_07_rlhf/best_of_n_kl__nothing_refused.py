"""A number for n = 0 too. Loses: best_of_n_kl."""
# ruff: noqa: F821


def best_of_n_kl(n):
    return math.log(n) - (n - 1) / n if n > 0 else 0.0
