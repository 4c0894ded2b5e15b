"""What is not in the vocabulary becomes <UNK>. Loses: encode_route."""
# ruff: noqa: F821


def encode_route(route, ids, boards, with_grade=True):
    board, holds = route["board"], route["holds"]
    prompt = ["<BOS>", f"<BOARD_{board}>", f"<ANGLE_{route['angle']}>"]
    if with_grade:
        prompt.append(f"<GRADE_V{route['grade']}>")
    known = [hold for hold in holds if hold_name(board, hold) in ids]
    names = ["<UNK>"] * (len(holds) - len(known))
    names += [hold_name(board, hold) for hold in canonical(known, boards.get(board, {}))]
    return [ids.get(name, ids["<UNK>"]) for name in [*prompt, *names, "<EOS>"]]
