"""Of the prompt only <BOS> is left out. Loses: perplexity."""
# ruff: noqa: F821


def perplexity(log_probs, tokens, prompt_length, pad):
    counted = tokens != pad
    counted[:, 0] = False
    return float(np.exp(-log_probs[counted].mean()))
