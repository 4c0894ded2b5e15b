"""labkit.routes has it. Loses: nearest_route."""


def nearest_route(holds, routes, index, twins=None):
    from labkit.routes import Board, BoardConfig, Hold, Placement, Route, Window
    from labkit.routes.novelty import NoveltyIndex

    roles = {"start": 5, "middle": 6, "finish": 7, "foot": 8}
    boards = []
    if twins is not None:
        config = BoardConfig("OAK", "OAK", 1, roles, 50, Window(-99, -99, 999, 999), True)
        boards.append(Board(config, [Placement(placement, 0, 0, twin) for placement, twin in twins.items()]))
    used = [holds, *(routes[number] for number in range(len(routes)))]
    made = [Route("OAK", 40, tuple(Hold(placement, "middle") for placement in some)) for some in used]
    found = NoveltyIndex(made[1:], boards).nearest(made[0])
    return found.similarity, found.number
