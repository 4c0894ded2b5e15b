"""The mean cross-entropy, without exp. Loses: perplexity."""


def perplexity(losses, names):
    nats = sum(loss * (len(name) + 1) for loss, name in zip(losses, names, strict=True))
    return nats / sum(len(name) + 1 for name in names)
