"""The caches hold the tokens of this call, in place of those before. Loses: cached_attention."""
# ruff: noqa: F821


def cached_attention(xs, wq, wk, wv, keys, values):
    keys.clear()
    values.clear()
    outputs = []
    for x in xs:
        keys.append(linear(wk, x))
        values.append(linear(wv, x))
        outputs.append(attention(linear(wq, x), keys, values))
    return outputs
