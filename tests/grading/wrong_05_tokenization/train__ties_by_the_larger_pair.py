"""Of equally frequent pairs the larger one. Loses: train."""
# ruff: noqa: F821


def train(text, vocab_size):
    chunks = [(list(chunk.encode()), count) for chunk, count in Counter(cut(text)).items()]
    merges = []
    while len(merges) < vocab_size - 256:
        counts = pair_counts(chunks)
        if not counts:
            break
        best = max(counts, key=lambda pair: (counts[pair], pair))
        chunks = [(merge(ids, best, 256 + len(merges)), count) for ids, count in chunks]
        merges.append(best)
    return merges
