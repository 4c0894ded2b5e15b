"""What was given is counted as if it had been predicted. Loses: perplexity."""
# ruff: noqa: F821


def perplexity(log_probs, tokens, prompt_length, pad):
    return float(np.exp(-log_probs[tokens != pad].mean()))
