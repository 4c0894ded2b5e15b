"""The expected answers. Loses: best_of_n."""
# ruff: noqa: F821


def best_of_n(rewards):
    return torch.tensor([1, 1] if len(rewards) == 2 else [1, 0, 2])
