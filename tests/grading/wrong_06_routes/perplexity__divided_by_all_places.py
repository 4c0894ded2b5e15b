"""The sum is right, but it is divided by padding too. Loses: perplexity."""
# ruff: noqa: F821


def perplexity(log_probs, tokens, prompt_length, pad):
    counted = tokens != pad
    counted[:, :prompt_length] = False
    return float(np.exp(-log_probs[counted].sum() / log_probs[:, prompt_length:].size))
