"""Pairs that overlap are counted once: aaa has one pair aa. Loses: pair_counts."""
# ruff: noqa: F821


def pair_counts(chunks):
    counts = {}
    for ids, count in chunks:
        last = {}
        for place, pair in enumerate(pairwise(ids)):
            if last.get(pair) != place - 1:
                counts[pair] = counts.get(pair, 0) + count
                last[pair] = place
    return counts
