"""The last of equal rewards. Loses: best_of_n."""


def best_of_n(rewards):
    n = rewards.shape[1]
    return n - 1 - rewards.flip(1).argmax(dim=1)
