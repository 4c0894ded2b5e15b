"""As in training: the pair that stands most often in the chunk. Loses: encode."""
# ruff: noqa: F821


def encode(text, merges):
    result = []
    for chunk in cut(text):
        ids = list(chunk.encode())
        while known := {p: n for p, n in pair_counts([(ids, 1)]).items() if p in merges}:
            best = max(known, key=known.get)
            ids = merge(ids, best, 256 + merges.index(best))
        result += ids
    return result
