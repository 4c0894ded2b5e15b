"""exp of each name's loss, then the mean over the predictions: exp comes last. Loses: perplexity."""
# ruff: noqa: F821


def perplexity(losses, names):
    total = sum(math.exp(loss) * (len(name) + 1) for loss, name in zip(losses, names, strict=True))
    return total / sum(len(name) + 1 for name in names)
