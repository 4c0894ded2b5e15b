"""log Σ exp as it stands: exp overflows for a logit above 709. Loses: cross_entropy."""


def cross_entropy(logits, targets):
    losses = []
    for row, target in zip(logits, targets, strict=True):
        losses.append(sum(z.exp() for z in row).log() - row[target])
    return sum(losses) / len(losses)
