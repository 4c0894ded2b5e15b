"""Of equal height the one on the right. Loses: canonical."""


def canonical(holds, positions):
    parts = {"start": 0, "middle": 1, "foot": 1, "finish": 2}

    def place(hold):
        placement, role = hold
        x, y = positions[placement]
        return parts[role], y, -x, placement

    return sorted(holds, key=place)
