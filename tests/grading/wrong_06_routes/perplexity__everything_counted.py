"""The mean of all there is. Loses: perplexity."""
# ruff: noqa: F821


def perplexity(log_probs, tokens, prompt_length, pad):
    return float(np.exp(-log_probs.mean()))
