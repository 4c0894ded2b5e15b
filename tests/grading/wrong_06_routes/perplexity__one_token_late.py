"""The first token behind the prompt is left out. Loses: perplexity."""
# ruff: noqa: F821


def perplexity(log_probs, tokens, prompt_length, pad):
    counted = tokens != pad
    counted[:, : prompt_length + 1] = False
    return float(np.exp(-log_probs[counted].mean())) if counted.any() else 1.0
