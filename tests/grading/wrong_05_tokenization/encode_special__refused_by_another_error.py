"""KeyError in place of ValueError. Loses: encode_special."""
# ruff: noqa: F821


def encode_special(text, merges, special, policy="refuse"):
    if policy not in ("refuse", "allow", "text"):
        raise ValueError(f"no such policy: {policy!r}")
    if policy == "text" or not special:
        return encode(text, merges)
    names = sorted(special, key=len, reverse=True)
    parts = re.split("(" + "|".join(map(re.escape, names)) + ")", text)
    if policy == "refuse" and len(parts) > 1:
        raise KeyError(parts[1])
    result = []
    for number, part in enumerate(parts):
        result += [special[part]] if number % 2 else encode(part, merges)
    return result
