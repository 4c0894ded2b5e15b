"""Whole blocks only, as in training. Loses: evaluate."""
# ruff: noqa: F821


def evaluate(model, tokens, block_size):
    starts = list(range(0, len(tokens) - block_size, block_size))
    was_training = model.training
    model.eval()
    with torch.no_grad():
        inputs, targets = make_batch(tokens, starts, block_size)
        nats = F.cross_entropy(model(inputs).flatten(0, 1), targets.flatten()).item()
    model.train(was_training)
    return nats
