"""The softmax over the entries of a key in place of over the tokens. Loses: attention."""
# ruff: noqa: F821


def attention(query, keys, values):
    weights = [softmax([q * k * len(query) ** -0.5 for q, k in zip(query, key, strict=True)]) for key in keys]
    pairs = list(zip(weights, values, strict=True))
    return [sum(weight[j % len(query)] * value[j] for weight, value in pairs) for j in range(len(values[0]))]
