"""Ends at the first merge that the chunk has no place for. Loses: encode."""
# ruff: noqa: F821


def encode(text, merges):
    result = []
    for chunk in cut(text):
        ids = list(chunk.encode())
        for token, pair in enumerate(merges, start=256):
            if pair not in pairwise(ids):
                break
            ids = merge(ids, pair, token)
        result += ids
    return result
