"""Cuts first, and looks for chunks that are names. Loses: encode_special."""
# ruff: noqa: F821


def encode_special(text, merges, special, policy="refuse"):
    if policy not in ("refuse", "allow", "text"):
        raise ValueError(f"no such policy: {policy!r}")
    for name in special:
        if policy == "refuse" and name in text:
            raise ValueError(f"{name!r} is refused")
    result = []
    for chunk in cut(text):
        result += [special[chunk]] if policy == "allow" and chunk in special else encode(chunk, merges)
    return result
