"""Sums of absolute values in place of Euclidean norms. Loses: update_ratio."""


def update_ratio(before, after):
    return sum(abs(y - x) for x, y in zip(before, after, strict=True)) / sum(map(abs, before))
