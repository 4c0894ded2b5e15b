"""Writes -inf into the logits of the caller. Loses: sample_token."""
# ruff: noqa: F821


def sample_token(logits, legal, k, temperature, rng):
    logits[~legal] = -np.inf
    masked = logits
    order = np.argsort(-masked, kind="stable")
    if temperature == 0:
        return int(order[0])
    scores = np.full(len(logits), -np.inf)
    scores[order[:k]] = masked[order[:k]] / temperature
    weights = np.exp(scores - scores.max())
    return draw(weights / weights.sum(), rng)
