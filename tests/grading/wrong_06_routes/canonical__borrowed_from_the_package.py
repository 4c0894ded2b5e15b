"""labkit.routes has it. Loses: canonical."""


def canonical(holds, positions):
    from labkit.routes import Board, BoardConfig, Hold, Placement, Window
    from labkit.routes.tokens import canonical as theirs

    roles = {"start": 5, "middle": 6, "finish": 7, "foot": 8}
    config = BoardConfig("OAK", "OAK", 1, roles, 50, Window(-99, -99, 999, 999), False)
    board = Board(config, [Placement(placement, x, y) for placement, (x, y) in positions.items()])
    return list(theirs([Hold(*hold) for hold in holds], board))
