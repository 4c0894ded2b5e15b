"""The mean of the routes' means: short ones weigh too much. Loses: perplexity."""
# ruff: noqa: F821


def perplexity(log_probs, tokens, prompt_length, pad):
    counted = tokens != pad
    counted[:, :prompt_length] = False
    each = [-row[chosen].mean() for row, chosen in zip(log_probs, counted, strict=True)]
    return float(np.exp(np.mean(each)))
