"""By the number of the placement, not by where it is. Loses: canonical."""


def canonical(holds, positions):
    parts = {"start": 0, "middle": 1, "foot": 1, "finish": 2}
    return sorted(holds, key=lambda hold: (parts[hold[1]], hold[0]))
