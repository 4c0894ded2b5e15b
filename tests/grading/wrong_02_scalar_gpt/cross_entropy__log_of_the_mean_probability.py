"""The mean taken of the probabilities, before the logarithm: right for one token. Loses: cross_entropy."""


def cross_entropy(logits, targets):
    losses = []
    for row, target in zip(logits, targets, strict=True):
        largest = max(z.data for z in row)
        total = sum((z - largest).exp() for z in row)
        losses.append(row[target] - largest - total.log())
    return -(sum(loss.exp() for loss in losses) / len(losses)).log() if len(losses) > 1 else -losses[0]
