"""2 to the power of nats: the base of another logarithm. Loses: perplexity."""


def perplexity(losses, names):
    nats = sum(loss * (len(name) + 1) for loss, name in zip(losses, names, strict=True))
    return 2 ** (nats / sum(len(name) + 1 for name in names))
