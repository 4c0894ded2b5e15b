"""The caches hold numbers without history: gradients miss the earlier tokens. Loses: cached_attention."""
# ruff: noqa: F821


def cached_attention(xs, wq, wk, wv, keys, values):
    outputs = []
    for x in xs:
        key, value = linear(wk, x), linear(wv, x)
        outputs.append(attention(linear(wq, x), [*keys, key], [*values, value]))
        keys.append(vector(*numbers(key)))
        values.append(vector(*numbers(value)))
    return outputs
