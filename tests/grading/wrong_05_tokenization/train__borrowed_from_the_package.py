"""labkit.tokenizers has it. Loses: train."""


def train(text, vocab_size):
    from labkit.tokenizers import BPETokenizer

    return list(BPETokenizer.train(text, vocab_size).merges)
