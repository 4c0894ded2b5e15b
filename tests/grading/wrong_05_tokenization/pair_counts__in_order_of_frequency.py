"""The right counts, the most frequent first: ties are decided by chance then. Loses: pair_counts."""
# ruff: noqa: F821


def pair_counts(chunks):
    counts = Counter()
    for ids, count in chunks:
        for pair in pairwise(ids):
            counts[pair] += count
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
