"""Illegal probabilities are set to 0, and the rest is too small. Loses: sample_token."""
# ruff: noqa: F821


def sample_token(logits, legal, k, temperature, rng):
    order = np.argsort(-logits, kind="stable")
    if temperature == 0:
        return int(next(i for i in order if legal[i]))
    scores = np.full(len(logits), -np.inf)
    scores[order[:k]] = logits[order[:k]] / temperature
    weights = np.exp(scores - scores.max())
    return draw(weights / weights.sum() * legal, rng)
