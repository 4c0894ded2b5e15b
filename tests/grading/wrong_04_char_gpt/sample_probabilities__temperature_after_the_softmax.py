"""Probabilities are divided, and then made to add up to 1: nothing happens. Loses: sample_probabilities."""
# ruff: noqa: F821


def sample_probabilities(logits, temperature=1.0, top_k=None, top_p=None):
    order = logits.argsort(descending=True, stable=True)
    result = torch.zeros_like(logits)
    if temperature == 0:
        result[order[0]] = 1.0
        return result
    kept = logits[order][:top_k].softmax(dim=-1) / temperature
    kept = kept / kept.sum()
    if top_p is not None:
        before = kept.cumsum(dim=-1) - kept
        kept = kept.masked_fill(before >= top_p, 0.0)
    result[order[: len(kept)]] = kept / kept.sum()
    return result
