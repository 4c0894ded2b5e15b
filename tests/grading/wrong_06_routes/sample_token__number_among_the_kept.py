"""Draws one of k, and returns which of the k, not which token. Loses: sample_token."""
# ruff: noqa: F821


def sample_token(logits, legal, k, temperature, rng):
    masked = np.where(legal, logits, -np.inf)
    order = np.argsort(-masked, kind="stable")
    if temperature == 0:
        return int(order[0])
    scores = masked[order[:k]] / temperature
    weights = np.exp(scores - scores.max())
    return draw(weights / weights.sum(), rng)
