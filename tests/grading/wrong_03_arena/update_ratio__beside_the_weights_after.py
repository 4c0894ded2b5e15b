"""Divided by the weights that the step has made. Loses: update_ratio."""
# ruff: noqa: F821


def update_ratio(before, after):
    return math.dist(before, after) / math.hypot(*after)
