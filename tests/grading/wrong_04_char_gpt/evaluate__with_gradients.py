"""The graph of every forward pass is kept for gradients that nobody asks for. Loses: evaluate."""
# ruff: noqa: F821


def evaluate(model, tokens, block_size):
    predictions, nats = len(tokens) - 1, 0.0
    was_training = model.training
    model.eval()
    for start in range(0, predictions, block_size):
        inputs, targets = make_batch(tokens, [start], min(block_size, predictions - start))
        nats += F.cross_entropy(model(inputs)[0], targets[0], reduction="sum").item()
    model.train(was_training)
    return nats / predictions
