"""One place in the whole table. Loses: best_of_n."""


def best_of_n(rewards):
    return rewards.argmax()
