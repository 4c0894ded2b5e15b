"""n * x**(n - 1) without a thought for n = 0, where it is 0 * 0**(-1). Loses: power."""
# ruff: noqa: F821


def power(a, n):
    return Node(a.data**n, (a,), (n * a.data ** (n - 1),))
