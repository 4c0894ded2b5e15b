"""All nats, divided by the letters without the end marks. Loses: perplexity."""
# ruff: noqa: F821


def perplexity(losses, names):
    nats = sum(loss * (len(name) + 1) for loss, name in zip(losses, names, strict=True))
    return math.exp(nats / sum(len(name) for name in names))
