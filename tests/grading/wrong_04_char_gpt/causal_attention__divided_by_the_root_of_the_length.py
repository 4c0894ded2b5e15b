"""The size of the wrong dimension: T in place of D. Loses: causal_attention."""
# ruff: noqa: F821


def causal_attention(q, k, v):
    length = q.shape[-2]
    scores = q @ k.transpose(-2, -1) / math.sqrt(length)
    visible = torch.ones(length, length, dtype=torch.bool).tril()
    return scores.masked_fill(~visible, -math.inf).softmax(dim=-1) @ v
