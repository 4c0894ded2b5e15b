"""A chunk that comes many times counts once. Loses: pair_counts."""
# ruff: noqa: F821


def pair_counts(chunks):
    counts = {}
    for ids, _ in chunks:
        for pair in pairwise(ids):
            counts[pair] = counts.get(pair, 0) + 1
    return counts
