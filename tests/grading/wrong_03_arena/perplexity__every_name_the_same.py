"""The mean over the names, long and short alike. Loses: perplexity."""
# ruff: noqa: F821


def perplexity(losses, names):
    return math.exp(sum(losses) / len(losses))
