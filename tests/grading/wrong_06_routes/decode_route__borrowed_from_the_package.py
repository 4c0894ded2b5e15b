"""labkit.routes has it. Loses: decode_route."""


def decode_route(tokens, names):
    from labkit.routes import Board, BoardConfig, Placement, Window, v_grade
    from labkit.routes.tokens import RouteTokenizer

    roles = {"start": 5, "middle": 6, "finish": 7, "foot": 8}
    placements = {}
    for name in names:
        if "_p" in name:
            board, placement, _ = name[1:-1].split("_")
            placements.setdefault(board, set()).add(int(placement[1:]))
    boards = []
    for key, some in placements.items():
        config = BoardConfig(key, key, 1, roles, 50, Window(-99, -99, 999, 999), False)
        boards.append(Board(config, [Placement(placement, 0, 0) for placement in some]))
    route = RouteTokenizer(boards).decode_route(tokens)
    grade = None if route.difficulty is None else v_grade(route.difficulty)
    return {"board": route.board, "angle": route.angle, "grade": grade, "holds": [tuple(hold) for hold in route.holds]}
