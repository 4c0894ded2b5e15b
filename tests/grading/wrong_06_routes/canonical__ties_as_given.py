"""Of equal height in the order given. Loses: canonical."""


def canonical(holds, positions):
    parts = {"start": 0, "middle": 1, "foot": 1, "finish": 2}
    return sorted(holds, key=lambda hold: (parts[hold[1]], positions[hold[0]][1]))
