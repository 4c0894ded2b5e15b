"""The leftmost pair that can be merged, whatever its rank. Loses: encode."""
# ruff: noqa: F821


def encode(text, merges):
    result = []
    for chunk in cut(text):
        ids = list(chunk.encode())
        while known := [pair for pair in pairwise(ids) if pair in merges]:
            ids = merge(ids, known[0], 256 + merges.index(known[0]))
        result += ids
    return result
