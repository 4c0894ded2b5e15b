"""A name of n letters as n predictions: the end marks are forgotten. Loses: perplexity."""
# ruff: noqa: F821


def perplexity(losses, names):
    nats = sum(loss * len(name) for loss, name in zip(losses, names, strict=True))
    return math.exp(nats / sum(len(name) for name in names))
