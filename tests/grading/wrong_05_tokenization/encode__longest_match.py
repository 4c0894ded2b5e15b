"""The longest token that fits, from left to right. Loses: encode."""
# ruff: noqa: F821


def encode(text, merges):
    spelled = [bytes([byte]) for byte in range(256)]
    for left, right in merges:
        spelled.append(spelled[left] + spelled[right])
    tokens = {part: token for token, part in enumerate(spelled)}
    result = []
    for chunk in cut(text):
        data = chunk.encode()
        while data:
            length = next(n for n in range(len(data), 0, -1) if data[:n] in tokens)
            result.append(tokens[data[:length]])
            data = data[length:]
    return result
