"""nanmean leaves nan out, but not what is likely or -inf. Loses: perplexity."""
# ruff: noqa: F821


def perplexity(log_probs, tokens, prompt_length, pad):
    return float(np.exp(-np.nanmean(log_probs[:, prompt_length:])))
