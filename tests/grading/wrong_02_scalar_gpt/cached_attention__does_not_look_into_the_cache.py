"""The caches are filled and not read: a token sees those of its own call. Loses: cached_attention."""
# ruff: noqa: F821


def cached_attention(xs, wq, wk, wv, keys, values):
    before = len(keys)
    outputs = []
    for x in xs:
        keys.append(linear(wk, x))
        values.append(linear(wv, x))
        outputs.append(attention(linear(wq, x), keys[before:], values[before:]))
    return outputs
