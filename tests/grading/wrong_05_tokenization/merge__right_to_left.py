"""From the end to the start: aaa becomes a, aa. Loses: merge."""


def merge(ids, pair, token):
    merged, place = [], len(ids) - 1
    while place >= 0:
        if place > 0 and (ids[place - 1], ids[place]) == pair:
            merged.append(token)
            place -= 2
        else:
            merged.append(ids[place])
            place -= 1
    return merged[::-1]
