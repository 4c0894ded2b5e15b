"""The softmax is over all legal tokens; k of them are kept as they are. Loses: sample_token."""
# ruff: noqa: F821


def sample_token(logits, legal, k, temperature, rng):
    masked = np.where(legal, logits, -np.inf)
    order = np.argsort(-masked, kind="stable")
    if temperature == 0:
        return int(order[0])
    weights = np.exp((masked - masked.max()) / temperature)
    weights /= weights.sum()
    weights[order[k:]] = 0
    return draw(weights, rng)
