"""How much the norm has grown: weights that turn round have not moved. Loses: update_ratio."""
# ruff: noqa: F821


def update_ratio(before, after):
    return abs(math.hypot(*after) - math.hypot(*before)) / math.hypot(*before)
