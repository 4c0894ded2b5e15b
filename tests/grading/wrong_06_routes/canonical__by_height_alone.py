"""Starts and finishes wherever they are on the wall. Loses: canonical."""


def canonical(holds, positions):
    return sorted(holds, key=lambda hold: (positions[hold[0]][1], positions[hold[0]][0], hold[0]))
