"""The scores are not divided by the square root of d. Loses: attention."""
# ruff: noqa: F821


def attention(query, keys, values):
    weights = softmax([dot(query, key) for key in keys])
    return [dot(weights, column) for column in zip(*values, strict=True)]
