"""2 to the power of nats. Loses: perplexity."""


def perplexity(log_probs, tokens, prompt_length, pad):
    counted = tokens != pad
    counted[:, :prompt_length] = False
    return float(2 ** -log_probs[counted].mean())
