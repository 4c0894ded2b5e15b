"""Stops after one merge. Loses: encode."""
# ruff: noqa: F821


def encode(text, merges):
    result = []
    for chunk in cut(text):
        ids = list(chunk.encode())
        known = [pair for pair in pairwise(ids) if pair in merges]
        if known:
            best = min(known, key=merges.index)
            ids = merge(ids, best, 256 + merges.index(best))
        result += ids
    return result
