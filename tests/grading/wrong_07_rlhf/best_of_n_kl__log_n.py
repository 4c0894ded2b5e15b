"""log n alone. Loses: best_of_n_kl."""
# ruff: noqa: F821


def best_of_n_kl(n):
    if n < 1:
        raise ValueError(n)
    return math.log(n)
