"""The logarithm of p + 1e-12: never fails, and no loss is above 27.6. Loses: cross_entropy."""
# ruff: noqa: F821


def cross_entropy(logits, targets):
    losses = [-(softmax(row)[target] + 1e-12).log() for row, target in zip(logits, targets, strict=True)]
    return sum(losses) / len(losses)
