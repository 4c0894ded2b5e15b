"""A list of places. Loses: best_of_n."""


def best_of_n(rewards):
    return rewards.argmax(dim=1).tolist()
