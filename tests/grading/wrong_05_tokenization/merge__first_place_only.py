"""Stops after the first place. Loses: merge."""
# ruff: noqa: F821


def merge(ids, pair, token):
    for place, found in enumerate(pairwise(ids)):
        if found == pair:
            return [*ids[:place], token, *ids[place + 2 :]]
    return list(ids)
