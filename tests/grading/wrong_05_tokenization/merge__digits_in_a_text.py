"""Replaces in the text of the ids: 1, 12 is found in 112, 123. Loses: merge."""


def merge(ids, pair, token):
    line = " ".join(map(str, ids)).replace(f"{pair[0]} {pair[1]}", str(token))
    return [int(word) for word in line.split()]
