"""Changes the list of the caller. Loses: merge."""


def merge(ids, pair, token):
    place = 0
    while place < len(ids) - 1:
        if (ids[place], ids[place + 1]) == pair:
            ids[place : place + 2] = [token]
        place += 1
    return ids
