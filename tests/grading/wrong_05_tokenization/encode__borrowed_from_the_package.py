"""labkit.tokenizers has it. Loses: encode."""


def encode(text, merges):
    from labkit.tokenizers import BPETokenizer

    return BPETokenizer(tuple(merges)).encode(text)
