"""All nats divided by the number of names: of a whole name, not of a prediction. Loses: perplexity."""
# ruff: noqa: F821


def perplexity(losses, names):
    nats = sum(loss * (len(name) + 1) for loss, name in zip(losses, names, strict=True))
    return math.exp(nats / len(names))
