"""Multiplied by 0: nan and -inf become nan. Loses: perplexity."""
# ruff: noqa: F821


def perplexity(log_probs, tokens, prompt_length, pad):
    counted = tokens != pad
    counted[:, :prompt_length] = False
    return float(np.exp(-(log_probs * counted).sum() / counted.sum()))
