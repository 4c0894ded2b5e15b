"""A KeyError in place of a ValueError. Loses: encode_route."""
# ruff: noqa: F821


def encode_route(route, ids, boards, with_grade=True):
    board, holds = route["board"], route["holds"]
    prompt = ["<BOS>", f"<BOARD_{board}>", f"<ANGLE_{route['angle']}>"]
    if with_grade:
        prompt.append(f"<GRADE_V{route['grade']}>")
    names = [hold_name(board, hold) for hold in canonical(holds, boards[board])]
    return [ids[name] for name in [*prompt, *names, "<EOS>"]]
