"""Each name is replaced at its first place alone. Loses: encode_special."""
# ruff: noqa: F821


def encode_special(text, merges, special, policy="refuse"):
    if policy not in ("refuse", "allow", "text"):
        raise ValueError(f"no such policy: {policy!r}")
    names = [name for name in sorted(special, key=len, reverse=True) if name in text]
    if policy == "text" or not names:
        return encode(text, merges)
    if policy == "refuse":
        raise ValueError(f"{names[0]!r} is refused")
    before, _, after = text.partition(names[0])
    return [*encode(before, merges), special[names[0]], *encode(after, merges)]
