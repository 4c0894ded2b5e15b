"""All middle holds, then all feet. Loses: canonical."""


def canonical(holds, positions):
    parts = {"start": 0, "middle": 1, "foot": 2, "finish": 3}

    def place(hold):
        placement, role = hold
        x, y = positions[placement]
        return parts[role], y, x, placement

    return sorted(holds, key=place)
