"""A hold that the board has not is dropped in silence. Loses: encode_route."""
# ruff: noqa: F821


def encode_route(route, ids, boards, with_grade=True):
    board, holds = route["board"], route["holds"]
    prompt = ["<BOS>", f"<BOARD_{board}>", f"<ANGLE_{route['angle']}>"]
    if with_grade:
        prompt.append(f"<GRADE_V{route['grade']}>")
    for name in prompt:
        if name not in ids:
            raise ValueError(f"{name} is not in the vocabulary")
    known = [hold for hold in holds if hold_name(board, hold) in ids]
    names = [hold_name(board, hold) for hold in canonical(known, boards[board])]
    return [ids[name] for name in [*prompt, *names, "<EOS>"]]
