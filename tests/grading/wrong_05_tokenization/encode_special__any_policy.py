"""An unknown policy is taken for allow. Loses: encode_special."""
# ruff: noqa: F821


def encode_special(text, merges, special, policy="refuse"):
    names = sorted(special, key=len, reverse=True)
    parts = re.split("(" + "|".join(map(re.escape, names)) + ")", text) if names else [text]
    if policy == "text":
        return encode(text, merges)
    if policy == "refuse" and len(parts) > 1:
        raise ValueError(f"{parts[1]!r} is refused")
    result = []
    for part in parts:
        result += [special[part]] if part in special else encode(part, merges)
    return result
