"""A table of 0 and 1. Loses: best_of_n."""
# ruff: noqa: F821


def best_of_n(rewards):
    return F.one_hot(rewards.argmax(dim=1), rewards.shape[1])
