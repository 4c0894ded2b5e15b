"""A group of one teaches nothing, in silence. Loses: rloo_advantages."""


def rloo_advantages(rewards):
    n = rewards.shape[1]
    others = (rewards.sum(dim=1, keepdim=True) - rewards) / max(1, n - 1)
    return (rewards - others).detach()
