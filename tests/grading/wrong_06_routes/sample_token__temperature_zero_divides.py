"""Divides by 0. Loses: sample_token."""
# ruff: noqa: F821


def sample_token(logits, legal, k, temperature, rng):
    masked = np.where(legal, logits, -np.inf)
    order = np.argsort(-masked, kind="stable")
    scores = np.full(len(logits), -np.inf)
    scores[order[:k]] = masked[order[:k]] / temperature
    weights = np.exp(scores - scores.max())
    return draw(weights / weights.sum(), rng)
