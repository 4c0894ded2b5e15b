"""Looks at the id after the last. Loses: merge."""


def merge(ids, pair, token):
    merged, place = [], 0
    while place < len(ids):
        if ids[place] == pair[0] and ids[place + 1] == pair[1]:
            merged.append(token)
            place += 2
        else:
            merged.append(ids[place])
            place += 1
    return merged
