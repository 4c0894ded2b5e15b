"""A threshold at the k-th logit: equal ones all stay. Loses: sample_probabilities."""
# ruff: noqa: F821


def sample_probabilities(logits, temperature=1.0, top_k=None, top_p=None):
    if temperature == 0:
        return F.one_hot(logits.argmax(), len(logits)).to(logits.dtype)
    if top_k is not None:
        logits = logits.masked_fill(logits < logits.topk(min(top_k, len(logits))).values[-1], -math.inf)
    probabilities = (logits / temperature).softmax(dim=-1)
    if top_p is not None:
        order = probabilities.argsort(descending=True, stable=True)
        kept = probabilities[order]
        probabilities[order] = kept.masked_fill(kept.cumsum(dim=-1) - kept >= top_p, 0.0)
    return probabilities / probabilities.sum()
