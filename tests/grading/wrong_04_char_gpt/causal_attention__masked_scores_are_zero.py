"""A hidden score of 0 in place of minus infinity. Loses: causal_attention."""
# ruff: noqa: F821


def causal_attention(q, k, v):
    length, width = q.shape[-2:]
    scores = q @ k.transpose(-2, -1) / math.sqrt(width)
    visible = torch.ones(length, length, dtype=torch.bool).tril()
    return (scores * visible).softmax(dim=-1) @ v
