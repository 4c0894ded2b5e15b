"""Nothing is done about temperature 0. Loses: sample_probabilities."""
# ruff: noqa: F821


def sample_probabilities(logits, temperature=1.0, top_k=None, top_p=None):
    order = logits.argsort(descending=True, stable=True)
    result = torch.zeros_like(logits)
    kept = (logits / temperature)[order][:top_k].softmax(dim=-1)
    if top_p is not None:
        before = kept.cumsum(dim=-1) - kept
        kept = kept.masked_fill(before >= top_p, 0.0)
    result[order[: len(kept)]] = kept / kept.sum()
    return result
