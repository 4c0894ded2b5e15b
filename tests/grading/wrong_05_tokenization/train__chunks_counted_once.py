"""How often a chunk comes is forgotten. Loses: train."""
# ruff: noqa: F821


def train(text, vocab_size):
    chunks = [(list(chunk.encode()), 1) for chunk, count in Counter(cut(text)).items()]
    merges = []
    while len(merges) < vocab_size - 256:
        counts = pair_counts(chunks)
        if not counts:
            break
        best = max(counts, key=counts.get)
        chunks = [(merge(ids, best, 256 + len(merges)), count) for ids, count in chunks]
        merges.append(best)
    return merges
