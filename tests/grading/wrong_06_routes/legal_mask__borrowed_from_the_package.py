"""labkit.routes has it. Loses: legal_mask."""
# ruff: noqa: F821


def legal_mask(tokens, names, boards, max_holds):
    from labkit.routes import Board, BoardConfig, Placement, Window
    from labkit.routes.grammar import Grammar
    from labkit.routes.rules import Rules
    from labkit.routes.tokens import RouteTokenizer

    roles = {"start": 5, "middle": 6, "finish": 7, "foot": 8}
    made = []
    for key, positions in boards.items():
        config = BoardConfig(key, key, 1, roles, 50, Window(-99, -99, 999, 999), False)
        made.append(Board(config, [Placement(placement, x, y) for placement, (x, y) in positions.items()]))
    mask = np.zeros(len(names), dtype=bool)
    mask[Grammar(RouteTokenizer(made), Rules(2, max_holds)).allowed(tokens)] = True
    return mask
