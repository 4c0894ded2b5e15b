"""Left, right and right, left are one pair. Loses: pair_counts."""
# ruff: noqa: F821


def pair_counts(chunks):
    counts = {}
    for ids, count in chunks:
        for left, right in pairwise(ids):
            pair = min(left, right), max(left, right)
            counts[pair] = counts.get(pair, 0) + count
    return counts
