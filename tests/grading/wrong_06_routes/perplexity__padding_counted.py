"""The mean is over padding too. Loses: perplexity."""
# ruff: noqa: F821


def perplexity(log_probs, tokens, prompt_length, pad):
    return float(np.exp(-log_probs[:, prompt_length:].mean()))
