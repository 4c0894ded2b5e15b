"""Ten less is not never. Loses: causal_attention."""
# ruff: noqa: F821


def causal_attention(q, k, v):
    length, width = q.shape[-2:]
    scores = q @ k.transpose(-2, -1) / math.sqrt(width)
    visible = torch.ones(length, length, dtype=torch.bool).tril()
    return scores.masked_fill(~visible, -10.0).softmax(dim=-1) @ v
