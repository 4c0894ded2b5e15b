"""top_k is taken after the softmax, and the rest is not divided by its sum. Loses: sample_probabilities."""
# ruff: noqa: F821


def sample_probabilities(logits, temperature=1.0, top_k=None, top_p=None):
    order = logits.argsort(descending=True, stable=True)
    result = torch.zeros_like(logits)
    if temperature == 0:
        result[order[0]] = 1.0
        return result
    kept = (logits / temperature)[order].softmax(dim=-1)[:top_k]
    total = kept.sum() if top_k is None else 1.0
    if top_p is not None:
        before = kept.cumsum(dim=-1) - kept
        kept = kept.masked_fill(before >= top_p, 0.0)
    result[order[: len(kept)]] = kept / (kept.sum() if top_p is not None else total)
    return result
