"""Of aaa both pairs are merged. Loses: merge."""
# ruff: noqa: F821


def merge(ids, pair, token):
    hits = [place for place, found in enumerate(pairwise(ids)) if found == pair]
    merged = []
    for place, left in enumerate(ids):
        if place in hits:
            merged.append(token)
        elif place - 1 not in hits:
            merged.append(left)
    return merged
