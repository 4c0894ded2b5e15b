"""Takes the chunks from the list that it was given. Loses: pair_counts."""
# ruff: noqa: F821


def pair_counts(chunks):
    counts = {}
    while chunks:
        ids, count = chunks.pop(0)
        for pair in pairwise(ids):
            counts[pair] = counts.get(pair, 0) + count
    return counts
