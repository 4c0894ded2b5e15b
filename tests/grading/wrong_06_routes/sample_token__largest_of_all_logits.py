"""Takes away the largest logit, an illegal one: exp of all others is 0. Loses: sample_token."""
# ruff: noqa: F821


def sample_token(logits, legal, k, temperature, rng):
    masked = np.where(legal, logits, -np.inf)
    order = np.argsort(-masked, kind="stable")
    if temperature == 0:
        return int(order[0])
    scores = np.full(len(logits), -np.inf)
    scores[order[:k]] = masked[order[:k]] / temperature
    weights = np.exp(scores - logits.max() / temperature)
    return draw(weights / weights.sum(), rng)
