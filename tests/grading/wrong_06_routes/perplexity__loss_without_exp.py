"""The loss, without exp. Loses: perplexity."""


def perplexity(log_probs, tokens, prompt_length, pad):
    counted = tokens != pad
    counted[:, :prompt_length] = False
    return float(-log_probs[counted].mean())
