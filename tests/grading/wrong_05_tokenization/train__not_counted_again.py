"""The most frequent pairs of the bytes, counted once. Loses: train."""
# ruff: noqa: F821


def train(text, vocab_size):
    chunks = [(list(chunk.encode()), count) for chunk, count in Counter(cut(text)).items()]
    counts = pair_counts(chunks)
    return sorted(counts, key=counts.get, reverse=True)[: vocab_size - 256]
