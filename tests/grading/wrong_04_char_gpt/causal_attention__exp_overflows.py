"""The softmax by hand, without taking the largest score off first. Loses: causal_attention."""
# ruff: noqa: F821


def causal_attention(q, k, v):
    length, width = q.shape[-2:]
    scores = q @ k.transpose(-2, -1) / math.sqrt(width)
    visible = torch.ones(length, length, dtype=torch.bool).tril()
    powers = scores.masked_fill(~visible, -math.inf).exp()
    return powers / powers.sum(dim=-1, keepdim=True) @ v
