"""One pass from left to right over the bytes; pairs that merges have made are missed. Loses: encode."""
# ruff: noqa: F821


def encode(text, merges):
    tokens = {pair: token for token, pair in enumerate(merges, start=256)}
    result = []
    for chunk in cut(text):
        ids, place = list(chunk.encode()), 0
        while place < len(ids):
            pair = tuple(ids[place : place + 2])
            result.append(tokens.get(pair, ids[place]))
            place += 2 if pair in tokens else 1
    return result
