"""A perplexity for each route, and the mean of these. Loses: perplexity."""
# ruff: noqa: F821


def perplexity(log_probs, tokens, prompt_length, pad):
    counted = tokens != pad
    counted[:, :prompt_length] = False
    each = [np.exp(-row[chosen].mean()) for row, chosen in zip(log_probs, counted, strict=True)]
    return float(np.mean(each))
