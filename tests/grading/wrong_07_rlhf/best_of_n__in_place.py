"""Marks the best in the caller's table. Loses: best_of_n."""
# ruff: noqa: F821


def best_of_n(rewards):
    places = rewards.argmax(dim=1)
    rewards[torch.arange(len(rewards)), places] = math.inf
    return places
