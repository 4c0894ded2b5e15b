"""The last id of a chunk and the first of the next are a pair. Loses: pair_counts."""
# ruff: noqa: F821


def pair_counts(chunks):
    line = [token for ids, _ in chunks for token in ids]
    return dict(Counter(pairwise(line)))
