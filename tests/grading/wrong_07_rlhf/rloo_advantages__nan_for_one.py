"""0 / 0 for a group of one. Loses: rloo_advantages."""


def rloo_advantages(rewards):
    n = rewards.shape[1]
    others = (rewards.sum(dim=1, keepdim=True) - rewards) / (n - 1)
    return (rewards - others).detach()
