"""A hold of the other board is taken for one of this. Loses: decode_route."""


def decode_route(tokens, names):
    found = [names[i] for i in tokens]
    if "<EOS>" in found:
        found = found[: found.index("<EOS>")]
    board = found[1][len("<BOARD_") : -1]
    angle = int(found[2][len("<ANGLE_") : -1])
    rest, grade = found[3:], None
    if rest and rest[0].startswith("<GRADE_"):
        word = rest.pop(0)[len("<GRADE_") : -1]
        grade = None if word == "ANY" else int(word[1:])
    holds = []
    for name in rest:
        if "_p" not in name:
            raise ValueError(f"{name} is no hold of {board}")
        _, placement, role = name[1:-1].split("_")
        holds.append((int(placement[1:]), role))
    return {"board": board, "angle": angle, "grade": grade, "holds": holds}
