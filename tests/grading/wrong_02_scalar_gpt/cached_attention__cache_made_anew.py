"""The names bound to new lists: the caller's caches stay empty. Loses: cached_attention."""
# ruff: noqa: F821


def cached_attention(xs, wq, wk, wv, keys, values):
    outputs = []
    for x in xs:
        keys = [*keys, linear(wk, x)]
        values = [*values, linear(wv, x)]
        outputs.append(attention(linear(wq, x), keys, values))
    return outputs
