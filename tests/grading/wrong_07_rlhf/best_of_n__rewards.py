"""The rewards, not where they stand. Loses: best_of_n."""


def best_of_n(rewards):
    return rewards.max(dim=1).values
