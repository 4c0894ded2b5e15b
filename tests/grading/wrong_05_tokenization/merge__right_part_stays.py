"""Goes on one place further after a pair: its right part is used again. Loses: merge."""


def merge(ids, pair, token):
    merged = []
    for place, left in enumerate(ids):
        merged.append(token if tuple(ids[place : place + 2]) == pair else left)
    return merged
