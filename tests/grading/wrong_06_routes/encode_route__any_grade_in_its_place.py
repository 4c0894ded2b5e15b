"""Without the grade there is <GRADE_ANY> in its place. Loses: encode_route."""
# ruff: noqa: F821


def encode_route(route, ids, boards, with_grade=True):
    board, holds = route["board"], route["holds"]
    prompt = ["<BOS>", f"<BOARD_{board}>", f"<ANGLE_{route['angle']}>"]
    prompt.append(f"<GRADE_V{route['grade']}>" if with_grade else "<GRADE_ANY>")
    for name in [*prompt, *(hold_name(board, hold) for hold in holds)]:
        if name not in ids:
            raise ValueError(f"{name} is not in the vocabulary")
    names = [hold_name(board, hold) for hold in canonical(holds, boards[board])]
    return [ids[name] for name in [*prompt, *names, "<EOS>"]]
