"""Goes through the merges once, and makes each at its first place alone. Loses: encode."""
# ruff: noqa: F821


def encode(text, merges):
    result = []
    for chunk in cut(text):
        ids = list(chunk.encode())
        for token, pair in enumerate(merges, start=256):
            for place, found in enumerate(pairwise(ids)):
                if found == pair:
                    ids[place : place + 2] = [token]
                    break
        result += ids
    return result
