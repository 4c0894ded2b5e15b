"""The mean of the whole group, the reward itself in it. Loses: rloo_advantages."""


def rloo_advantages(rewards):
    n = rewards.shape[1]
    if n < 2:
        raise ValueError("one sample")
    return (rewards - rewards.mean(dim=1, keepdim=True)).detach()
