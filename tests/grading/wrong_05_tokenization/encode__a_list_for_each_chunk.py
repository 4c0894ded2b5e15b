"""A list of lists. Loses: encode."""
# ruff: noqa: F821


def encode(text, merges):
    result = []
    for chunk in cut(text):
        ids = list(chunk.encode())
        for token, pair in enumerate(merges, start=256):
            ids = merge(ids, pair, token)
        result.append(ids)
    return result
