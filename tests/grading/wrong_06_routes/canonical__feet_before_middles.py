"""All feet, then all middle holds. Loses: canonical."""


def canonical(holds, positions):
    parts = {"start": 0, "foot": 1, "middle": 2, "finish": 3}

    def place(hold):
        placement, role = hold
        x, y = positions[placement]
        return parts[role], y, x, placement

    return sorted(holds, key=place)
