"""Marks the prompt as padding, in the caller's array. Loses: perplexity."""
# ruff: noqa: F821


def perplexity(log_probs, tokens, prompt_length, pad):
    tokens[:, :prompt_length] = pad
    return float(np.exp(-log_probs[tokens != pad].mean()))
