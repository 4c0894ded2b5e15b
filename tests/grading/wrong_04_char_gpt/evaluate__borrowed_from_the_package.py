"""labkit.training has it. Loses: evaluate."""


def evaluate(model, tokens, block_size):
    from labkit.training.evaluate import evaluate as ready

    return ready(model, tokens.numpy(), block_size)
