"""All new tokens appended before the first attends: right one by one, wrong for a prompt. Loses: cached_attention."""
# ruff: noqa: F821


def cached_attention(xs, wq, wk, wv, keys, values):
    keys.extend(linear(wk, x) for x in xs)
    values.extend(linear(wv, x) for x in xs)
    return [attention(linear(wq, x), keys, values) for x in xs]
