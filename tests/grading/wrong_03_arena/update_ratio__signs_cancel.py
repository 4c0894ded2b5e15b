"""Sums with their signs, in which changes up and down cancel. Loses: update_ratio."""


def update_ratio(before, after):
    return abs(sum(after) - sum(before)) / abs(sum(before))
