"""Ids of what may come, in place of a mask. Loses: legal_mask."""
# ruff: noqa: F821


def legal_mask(tokens, names, boards, max_holds):
    ids = {name: i for i, name in enumerate(names)}
    if ids["<EOS>"] in tokens:
        return [ids["<PAD>"]]
    board = decode_route(tokens, names)["board"]
    return [ids[hold_name(board, (placement, role))] for placement in boards[board] for role in ROLES]
