"""A placement that the other board has is taken from there. Loses: encode_route."""
# ruff: noqa: F821


def encode_route(route, ids, boards, with_grade=True):
    board, holds = route["board"], route["holds"]
    prompt = ["<BOS>", f"<BOARD_{board}>", f"<ANGLE_{route['angle']}>"]
    if with_grade:
        prompt.append(f"<GRADE_V{route['grade']}>")
    for name in prompt:
        if name not in ids:
            raise ValueError(f"{name} is not in the vocabulary")
    everywhere = {placement: at for positions in boards.values() for placement, at in positions.items()}
    names = []
    for hold in canonical([hold for hold in holds if hold[0] in everywhere], everywhere | boards[board]):
        names.append(next(name for key in (board, *boards) if (name := hold_name(key, hold)) in ids))
    if len(names) < len(holds):
        raise ValueError(f"some of {holds} are on no board: {set(holds)}")
    return [ids[name] for name in [*prompt, *names, "<EOS>"]]
