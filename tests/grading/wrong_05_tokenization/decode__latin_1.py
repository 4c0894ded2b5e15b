"""A byte is a character. Loses: decode."""


def decode(ids, merges, special):
    spelled = {byte: bytes([byte]) for byte in range(256)}
    for token, (left, right) in enumerate(merges, start=256):
        spelled[token] = spelled[left] + spelled[right]
    spelled |= {token: name.encode() for name, token in special.items()}
    return b"".join(spelled[token] for token in ids).decode("latin-1")
