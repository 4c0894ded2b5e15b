"""The keys are mixed, and the values never looked at. Loses: attention."""
# ruff: noqa: F821


def attention(query, keys, values):
    weights = softmax([dot(query, key, len(query) ** -0.5) for key in keys])
    return [dot(weights, column) for column in zip(*keys, strict=True)]
