"""<EOS> is left out. Loses: perplexity."""
# ruff: noqa: F821


def perplexity(log_probs, tokens, prompt_length, pad):
    counted = tokens != pad
    counted[:, :prompt_length] = False
    for row in counted:
        row[np.flatnonzero(row)[-1]] = False
    return float(np.exp(-log_probs[counted].mean())) if counted.any() else 1.0
