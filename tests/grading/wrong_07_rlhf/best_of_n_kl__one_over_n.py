"""1 / n in place of (n - 1) / n. Loses: best_of_n_kl."""
# ruff: noqa: F821


def best_of_n_kl(n):
    if n < 1:
        raise ValueError(n)
    return math.log(n) - 1 / n
