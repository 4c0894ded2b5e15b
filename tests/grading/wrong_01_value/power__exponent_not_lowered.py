"""The power rule by half: the exponent comes down and is not lowered. Loses: power."""
# ruff: noqa: F821


def power(a, n):
    return Node(a.data**n, (a,), (n * a.data**n,))
