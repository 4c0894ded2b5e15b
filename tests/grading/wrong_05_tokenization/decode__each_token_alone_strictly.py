"""Each token becomes text by itself, or an error. Loses: decode."""


def decode(ids, merges, special):
    spelled = {byte: bytes([byte]) for byte in range(256)}
    for token, (left, right) in enumerate(merges, start=256):
        spelled[token] = spelled[left] + spelled[right]
    spelled |= {token: name.encode() for name, token in special.items()}
    return "".join(spelled[token].decode() for token in ids)
