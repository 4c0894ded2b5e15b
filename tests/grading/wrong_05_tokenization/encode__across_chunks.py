"""Does not cut the text. Loses: encode."""
# ruff: noqa: F821


def encode(text, merges):
    ids = list(text.encode())
    for token, pair in enumerate(merges, start=256):
        ids = merge(ids, pair, token)
    return ids
