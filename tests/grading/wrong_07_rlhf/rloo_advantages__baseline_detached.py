"""The baseline alone is detached. Loses: rloo_advantages."""


def rloo_advantages(rewards):
    n = rewards.shape[1]
    if n < 2:
        raise ValueError("one sample")
    others = (rewards.sum(dim=1, keepdim=True) - rewards) / (n - 1)
    return rewards - others.detach()
