"""The norm of the change, beside nothing. Loses: update_ratio."""
# ruff: noqa: F821


def update_ratio(before, after):
    return math.dist(before, after)
