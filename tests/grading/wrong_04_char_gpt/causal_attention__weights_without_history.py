"""The weights are numbers: no gradient passes to the queries and keys. Loses: causal_attention."""
# ruff: noqa: F821


def causal_attention(q, k, v):
    length, width = q.shape[-2:]
    scores = q @ k.transpose(-2, -1) / math.sqrt(width)
    visible = torch.ones(length, length, dtype=torch.bool).tril()
    return scores.masked_fill(~visible, -math.inf).softmax(dim=-1).detach() @ v
