"""When nothing is said, names are allowed. Loses: encode_special."""
# ruff: noqa: F821


def encode_special(text, merges, special, policy="allow"):
    if policy not in ("refuse", "allow", "text"):
        raise ValueError(f"no such policy: {policy!r}")
    if policy == "text" or not special:
        return encode(text, merges)
    names = sorted(special, key=len, reverse=True)
    parts = re.split("(" + "|".join(map(re.escape, names)) + ")", text)
    if policy == "refuse" and len(parts) > 1:
        raise ValueError(f"{parts[1]!r} is refused")
    result = []
    for number, part in enumerate(parts):
        result += [special[part]] if number % 2 else encode(part, merges)
    return result
