"""The loop ends one place early, and the last id is gone. Loses: merge."""


def merge(ids, pair, token):
    merged, place = [], 0
    while place < len(ids) - 1:
        if (ids[place], ids[place + 1]) == pair:
            merged.append(token)
            place += 2
        else:
            merged.append(ids[place])
            place += 1
    return merged
