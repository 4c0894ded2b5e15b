"""The first merge makes token 257. Loses: encode."""
# ruff: noqa: F821


def encode(text, merges):
    result = []
    for chunk in cut(text):
        ids = list(chunk.encode())
        for token, pair in enumerate(merges, start=257):
            ids = merge(ids, pair, token)
        result += ids
    return result
