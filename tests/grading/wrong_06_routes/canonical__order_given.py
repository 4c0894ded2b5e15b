"""Parts in their order, and in each the order given. Loses: canonical."""


def canonical(holds, positions):
    parts = ("start",), ("middle", "foot"), ("finish",)
    return [hold for roles in parts for hold in holds if hold[1] in roles]
