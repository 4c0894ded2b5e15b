"""At temperature 0 the last of equal logits. Loses: sample_token."""
# ruff: noqa: F821


def sample_token(logits, legal, k, temperature, rng):
    masked = np.where(legal, logits, -np.inf)
    order = np.argsort(-masked, kind="stable")
    if temperature == 0:
        return int(np.argsort(masked, kind="stable")[-1])
    scores = np.full(len(logits), -np.inf)
    scores[order[:k]] = masked[order[:k]] / temperature
    weights = np.exp(scores - scores.max())
    return draw(weights / weights.sum(), rng)
