"""The count of the last chunk with a pair is all that is kept. Loses: pair_counts."""
# ruff: noqa: F821


def pair_counts(chunks):
    counts = {}
    for ids, count in chunks:
        for pair in pairwise(ids):
            counts[pair] = count * list(pairwise(ids)).count(pair)
    return counts
