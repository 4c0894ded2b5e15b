"""Divided by the standard deviation of the group: GRPO. Loses: rloo_advantages."""


def rloo_advantages(rewards):
    n = rewards.shape[1]
    if n < 2:
        raise ValueError("one sample")
    centred = rewards - rewards.mean(dim=1, keepdim=True)
    return (centred / (rewards.std(dim=1, keepdim=True) + 1e-8)).detach()
