"""top_p is about all probabilities, also of what top_k takes away. Loses: sample_probabilities."""
# ruff: noqa: F821


def sample_probabilities(logits, temperature=1.0, top_k=None, top_p=None):
    order = logits.argsort(descending=True, stable=True)
    result = torch.zeros_like(logits)
    if temperature == 0:
        result[order[0]] = 1.0
        return result
    kept = (logits / temperature)[order].softmax(dim=-1)
    if top_p is not None:
        before = kept.cumsum(dim=-1) - kept
        kept = kept.masked_fill(before >= top_p, 0.0)
    kept = kept[:top_k]
    result[order[: len(kept)]] = kept / kept.sum()
    return result
