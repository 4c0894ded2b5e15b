"""The mean of each weight's own ratio: a weight may be 0. Loses: update_ratio."""


def update_ratio(before, after):
    return sum(abs(y - x) / abs(x) for x, y in zip(before, after, strict=True)) / len(before)
