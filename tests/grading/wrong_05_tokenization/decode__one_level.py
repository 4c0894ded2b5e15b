"""A token's parts are taken for bytes. Loses: decode."""


def decode(ids, merges, special):
    names = {token: name.encode() for name, token in special.items()}
    data = b""
    for token in ids:
        if token in names:
            data += names[token]
        elif token < 256:
            data += bytes([token])
        else:
            data += bytes(merges[token - 256])
    return data.decode(errors="replace")
