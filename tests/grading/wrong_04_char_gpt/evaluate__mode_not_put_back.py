"""The model stays in evaluation mode: training goes on without dropout. Loses: evaluate."""
# ruff: noqa: F821


def evaluate(model, tokens, block_size):
    predictions, nats = len(tokens) - 1, 0.0
    model.eval()
    with torch.no_grad():
        for start in range(0, predictions, block_size):
            inputs, targets = make_batch(tokens, [start], min(block_size, predictions - start))
            nats += F.cross_entropy(model(inputs)[0], targets[0], reduction="sum").item()
    return nats / predictions
