"""Leaves the roles out. Loses: canonical."""


def canonical(holds, positions):
    parts = {"start": 0, "middle": 1, "foot": 1, "finish": 2}
    found = sorted(holds, key=lambda hold: (parts[hold[1]], positions[hold[0]][1], positions[hold[0]][0], hold[0]))
    return [placement for placement, _ in found]
