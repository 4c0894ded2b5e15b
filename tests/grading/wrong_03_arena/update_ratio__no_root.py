"""Sums of squares, without the root. Loses: update_ratio."""
# ruff: noqa: F821


def update_ratio(before, after):
    return math.dist(before, after) ** 2 / sum(x * x for x in before)
