"""exp of the mean logarithm: the other way round. Loses: perplexity."""
# ruff: noqa: F821


def perplexity(log_probs, tokens, prompt_length, pad):
    counted = tokens != pad
    counted[:, :prompt_length] = False
    return float(np.exp(log_probs[counted].mean()))
