"""Keeps the old counts and adds those of new pairs; what a merge took away still counts. Loses: train."""
# ruff: noqa: F821


def train(text, vocab_size):
    chunks = [(list(chunk.encode()), count) for chunk, count in Counter(cut(text)).items()]
    counts = pair_counts(chunks)
    merges = []
    while counts and len(merges) < vocab_size - 256:
        best = max(counts, key=counts.get)
        token = 256 + len(merges)
        chunks = [(merge(ids, best, token), count) for ids, count in chunks]
        merges.append(best)
        del counts[best]
        counts |= {pair: count for pair, count in pair_counts(chunks).items() if token in pair}
    return merges
