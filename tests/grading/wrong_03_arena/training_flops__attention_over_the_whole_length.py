"""Every position attends to all n, as if there were no order. Loses: training_flops."""


def training_flops(n_embd, n_layer, vocab_size, n):
    multiply_adds = 0
    for _ in range(n):
        attention = 2 * n_embd * n
        multiply_adds += n_layer * (12 * n_embd**2 + attention) + vocab_size * n_embd
    return 6 * multiply_adds
