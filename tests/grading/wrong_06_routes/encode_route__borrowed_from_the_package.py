"""labkit.routes has it. Loses: encode_route."""


def encode_route(route, ids, boards, with_grade=True):
    from labkit.routes import Board, BoardConfig, Hold, Placement, Route, Window, difficulties
    from labkit.routes.tokens import RouteTokenizer

    roles = {"start": 5, "middle": 6, "finish": 7, "foot": 8}
    made = []
    for key, positions in boards.items():
        config = BoardConfig(key, key, 1, roles, 50, Window(-99, -99, 999, 999), False)
        made.append(Board(config, [Placement(placement, x, y) for placement, (x, y) in positions.items()]))
    difficulty = None if route["grade"] is None else difficulties(route["grade"])[0]
    holds = tuple(Hold(*hold) for hold in route["holds"])
    whole = Route(route["board"], route["angle"], holds, difficulty)
    return RouteTokenizer(made).encode_route(whole, grade=with_grade)
