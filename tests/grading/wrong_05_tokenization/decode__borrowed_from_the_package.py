"""labkit.tokenizers has it. Loses: decode."""


def decode(ids, merges, special):
    from labkit.tokenizers import BPETokenizer

    return BPETokenizer(tuple(merges), special=special).decode(ids)
