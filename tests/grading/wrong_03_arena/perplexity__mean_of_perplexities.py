"""exp of each name's loss, then the mean. Loses: perplexity."""
# ruff: noqa: F821


def perplexity(losses, names):
    return sum(math.exp(loss) for loss in losses) / len(losses)
