"""A pair that stands twice in a chunk counts once for it. Loses: pair_counts."""
# ruff: noqa: F821


def pair_counts(chunks):
    counts = {}
    for ids, count in chunks:
        for pair in dict.fromkeys(pairwise(ids)):
            counts[pair] = counts.get(pair, 0) + count
    return counts
