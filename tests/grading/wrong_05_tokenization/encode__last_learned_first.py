"""max in place of min. Loses: encode."""
# ruff: noqa: F821


def encode(text, merges):
    result = []
    for chunk in cut(text):
        ids = list(chunk.encode())
        while known := [pair for pair in pairwise(ids) if pair in merges]:
            best = max(known, key=merges.index)
            ids = merge(ids, best, 256 + merges.index(best))
        result += ids
    return result
