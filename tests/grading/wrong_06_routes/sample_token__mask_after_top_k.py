"""The k likeliest of all, then the mask: perhaps nothing is left. Loses: sample_token."""
# ruff: noqa: F821


def sample_token(logits, legal, k, temperature, rng):
    order = np.argsort(-logits, kind="stable")
    if temperature == 0:
        return int(next(i for i in order if legal[i]))
    kept = [i for i in order[:k] if legal[i]]
    scores = np.full(len(logits), -np.inf)
    scores[kept] = logits[kept] / temperature
    weights = np.exp(scores - scores.max())
    return draw(weights / weights.sum(), rng)
