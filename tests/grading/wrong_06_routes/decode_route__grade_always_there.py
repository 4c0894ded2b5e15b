"""Holds begin at the fifth token: without a grade the first is lost. Loses: decode_route."""


def decode_route(tokens, names):
    found = [names[i] for i in tokens]
    if "<EOS>" in found:
        found = found[: found.index("<EOS>")]
    board = found[1][len("<BOARD_") : -1]
    angle = int(found[2][len("<ANGLE_") : -1])
    rest, grade = found[4:], None
    if len(found) > 3 and found[3].startswith("<GRADE_V"):
        grade = int(found[3][len("<GRADE_V") : -1])
    holds = []
    for name in rest:
        if not name.startswith(f"<{board}_p"):
            raise ValueError(f"{name} is no hold of {board}")
        _, placement, role = name[1:-1].split("_")
        holds.append((int(placement[1:]), role))
    return {"board": board, "angle": angle, "grade": grade, "holds": holds}
