"""Multiplies all probabilities: a long route underflows to 0. Loses: perplexity."""
# ruff: noqa: F821


def perplexity(log_probs, tokens, prompt_length, pad):
    counted = tokens != pad
    counted[:, :prompt_length] = False
    total = np.prod(np.exp(log_probs[counted]))
    return float(total ** (-1 / counted.sum())) if total > 0 else float("inf")
