"""Takes the ids of special tokens to be the next ones after the merges. Loses: decode."""


def decode(ids, merges, special):
    spelled = [bytes([byte]) for byte in range(256)]
    for left, right in merges:
        spelled.append(spelled[left] + spelled[right])
    spelled += [name.encode() for name in special]
    return b"".join(spelled[token] for token in ids).decode(errors="replace")
