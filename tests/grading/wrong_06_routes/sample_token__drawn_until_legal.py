"""Draws from all tokens until one is legal: many calls, and other probabilities. Loses: sample_token."""
# ruff: noqa: F821


def sample_token(logits, legal, k, temperature, rng):
    masked = np.where(legal, logits, -np.inf)
    order = np.argsort(-masked, kind="stable")
    if temperature == 0:
        return int(order[0])
    scores = np.full(len(logits), -np.inf)
    best = np.argsort(-logits, kind="stable")[:k]
    scores[best] = logits[best] / temperature
    weights = np.exp(scores - scores.max())
    for _ in range(100):
        token = draw(weights / weights.sum(), rng)
        if legal[token]:
            break
    return token
