"""Counts by itself, pairs that overlap once. Loses: train."""
# ruff: noqa: F821


def train(text, vocab_size):
    chunks = [(list(chunk.encode()), count) for chunk, count in Counter(cut(text)).items()]
    merges = []
    while len(merges) < vocab_size - 256:
        counts = {}
        for ids, count in chunks:
            last = {}
            for place, pair in enumerate(pairwise(ids)):
                if last.get(pair) != place - 1:
                    counts[pair] = counts.get(pair, 0) + count
                    last[pair] = place
        if not counts:
            break
        best = max(counts, key=counts.get)
        chunks = [(merge(ids, best, 256 + len(merges)), count) for ids, count in chunks]
        merges.append(best)
    return merges
