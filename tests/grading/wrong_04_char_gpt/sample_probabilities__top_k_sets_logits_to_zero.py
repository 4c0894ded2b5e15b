"""A logit of 0 in place of minus infinity. Loses: sample_probabilities."""
# ruff: noqa: F821


def sample_probabilities(logits, temperature=1.0, top_k=None, top_p=None):
    if temperature == 0:
        return F.one_hot(logits.argmax(), len(logits)).to(logits.dtype)
    order = logits.argsort(descending=True, stable=True)
    if top_k is not None:
        logits = logits.index_fill(0, order[top_k:], 0.0)
    probabilities = (logits / temperature).softmax(dim=-1)
    if top_p is not None:
        order = probabilities.argsort(descending=True, stable=True)
        kept = probabilities[order]
        probabilities[order] = kept.masked_fill(kept.cumsum(dim=-1) - kept >= top_p, 0.0)
    return probabilities / probabilities.sum()
