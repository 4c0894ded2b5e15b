"""The worst of n. Loses: best_of_n."""


def best_of_n(rewards):
    return rewards.argmin(dim=1)
