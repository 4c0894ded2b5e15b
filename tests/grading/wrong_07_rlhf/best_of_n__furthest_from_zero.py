"""By size: a very bad one wins. Loses: best_of_n."""


def best_of_n(rewards):
    return rewards.abs().argmax(dim=1)
