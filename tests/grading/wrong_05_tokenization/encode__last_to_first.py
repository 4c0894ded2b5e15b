"""Goes through the merges from the last to the first. Loses: encode."""
# ruff: noqa: F821


def encode(text, merges):
    result = []
    for chunk in cut(text):
        ids = list(chunk.encode())
        for rank in reversed(range(len(merges))):
            ids = merge(ids, merges[rank], 256 + rank)
        result += ids
    return result
