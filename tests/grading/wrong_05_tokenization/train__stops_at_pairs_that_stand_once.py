"""A pair that stands once is not merged. Loses: train."""
# ruff: noqa: F821


def train(text, vocab_size):
    chunks = [(list(chunk.encode()), count) for chunk, count in Counter(cut(text)).items()]
    merges = []
    while len(merges) < vocab_size - 256:
        counts = pair_counts(chunks)
        best = max(counts, key=counts.get, default=None)
        if best is None or counts[best] < 2:
            break
        chunks = [(merge(ids, best, 256 + len(merges)), count) for ids, count in chunks]
        merges.append(best)
    return merges
