"""labkit.arena has it. Loses: training_flops."""


def training_flops(n_embd, n_layer, vocab_size, n):
    from labkit.arena import Flops

    return Flops(n_embd, n_layer, vocab_size).training(n)
