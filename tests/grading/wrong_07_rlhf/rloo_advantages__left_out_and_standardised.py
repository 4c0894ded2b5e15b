"""The others are right, and then it is divided by the standard deviation. Loses: rloo_advantages."""


def rloo_advantages(rewards):
    n = rewards.shape[1]
    if n < 2:
        raise ValueError("one sample")
    others = (rewards.sum(dim=1, keepdim=True) - rewards) / (n - 1)
    return ((rewards - others) / (rewards.std(dim=1, keepdim=True) + 1e-8)).detach()
