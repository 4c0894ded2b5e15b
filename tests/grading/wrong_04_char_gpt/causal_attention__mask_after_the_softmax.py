"""Weights of the future are set to 0, and the rest is not divided by its sum. Loses: causal_attention."""
# ruff: noqa: F821


def causal_attention(q, k, v):
    length, width = q.shape[-2:]
    scores = q @ k.transpose(-2, -1) / math.sqrt(width)
    visible = torch.ones(length, length, dtype=torch.bool).tril()
    return scores.softmax(dim=-1).masked_fill(~visible, 0.0) @ v
