"""A token attends to those before it, and not to itself. Loses: training_flops."""


def training_flops(n_embd, n_layer, vocab_size, n):
    multiply_adds = 0
    for position in range(n):
        attention = 2 * n_embd * position
        multiply_adds += n_layer * (12 * n_embd**2 + attention) + vocab_size * n_embd
    return 6 * multiply_adds
