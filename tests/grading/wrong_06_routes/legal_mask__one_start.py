"""One start at most. Loses: legal_mask."""
# ruff: noqa: F821


def legal_mask(tokens, names, boards, max_holds):
    ids = {name: i for i, name in enumerate(names)}
    mask = np.zeros(len(names), dtype=bool)
    if ids["<EOS>"] in tokens:
        mask[ids["<PAD>"]] = True
        return mask
    route = decode_route(tokens, names)
    board, holds = route["board"], route["holds"]
    used = {placement for placement, _ in holds}
    roles = Counter(role for _, role in holds)
    for placement in boards[board].keys() - used:
        for role in ROLES:
            longer = [*holds, (placement, role)]
            room_after = min(max_holds, len(boards[board])) - len(longer)
            mask[ids[hold_name(board, (placement, role))]] = (
                canonical(longer, boards[board]) == longer
                and (roles["start"] > 0 or role == "start")
                and (role != "start" or roles[role] < 1)
                and (role != "finish" or roles[role] < 2)
                and room_after >= (0 if role == "finish" else 1)
            )
    mask[ids["<EOS>"]] = roles["finish"] > 0
    return mask
