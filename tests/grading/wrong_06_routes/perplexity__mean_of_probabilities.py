"""One over the mean probability. Loses: perplexity."""
# ruff: noqa: F821


def perplexity(log_probs, tokens, prompt_length, pad):
    counted = tokens != pad
    counted[:, :prompt_length] = False
    return float(1 / np.exp(log_probs[counted]).mean())
