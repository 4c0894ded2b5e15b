"""Takes what the model likes best, legal or not. Loses: sample_token."""
# ruff: noqa: F821


def sample_token(logits, legal, k, temperature, rng):
    order = np.argsort(-logits, kind="stable")
    if temperature == 0:
        return int(order[0])
    scores = np.full(len(logits), -np.inf)
    scores[order[:k]] = logits[order[:k]] / temperature
    weights = np.exp(scores - scores.max())
    return draw(weights / weights.sum(), rng)
