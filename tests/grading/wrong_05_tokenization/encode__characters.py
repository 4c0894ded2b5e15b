"""Begins with characters in place of bytes. Loses: encode."""
# ruff: noqa: F821


def encode(text, merges):
    result = []
    for chunk in cut(text):
        ids = [ord(character) for character in chunk]
        for token, pair in enumerate(merges, start=256):
            ids = merge(ids, pair, token)
        result += ids
    return result
