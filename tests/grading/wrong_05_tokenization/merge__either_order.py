"""Also merges right, left. Loses: merge."""


def merge(ids, pair, token):
    merged, place = [], 0
    while place < len(ids):
        if set(ids[place : place + 2]) == set(pair) and len(ids[place : place + 2]) == 2:
            merged.append(token)
            place += 2
        else:
            merged.append(ids[place])
            place += 1
    return merged
