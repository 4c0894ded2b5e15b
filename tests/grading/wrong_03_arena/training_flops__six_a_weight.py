"""The rule of thumb, 6 FLOPs a weight and token: embeddings are in it, attention is not. Loses: training_flops."""


def training_flops(n_embd, n_layer, vocab_size, n):
    weights = 12 * n_layer * n_embd**2 + 2 * vocab_size * n_embd
    return 6 * weights * n
