"""Roles by the alphabet: finish, foot, middle, start. Loses: canonical."""


def canonical(holds, positions):
    return sorted(holds, key=lambda hold: (hold[1], positions[hold[0]][1], positions[hold[0]][0], hold[0]))
