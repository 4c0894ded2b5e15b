"""The scores are divided by d in place of its square root. Loses: attention."""
# ruff: noqa: F821


def attention(query, keys, values):
    weights = softmax([dot(query, key) / len(query) for key in keys])
    return [dot(weights, column) for column in zip(*values, strict=True)]
