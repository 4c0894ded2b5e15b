"""Every position sees all of them. Loses: causal_attention."""
# ruff: noqa: F821


def causal_attention(q, k, v):
    width = q.shape[-1]
    scores = q @ k.transpose(-2, -1) / math.sqrt(width)
    return scores.softmax(dim=-1) @ v
