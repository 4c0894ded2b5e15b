"""The few predictions of the short block weigh as much as a whole block. Loses: evaluate."""
# ruff: noqa: F821


def evaluate(model, tokens, block_size):
    predictions, means = len(tokens) - 1, []
    was_training = model.training
    model.eval()
    with torch.no_grad():
        for start in range(0, predictions, block_size):
            inputs, targets = make_batch(tokens, [start], min(block_size, predictions - start))
            means.append(F.cross_entropy(model(inputs)[0], targets[0]).item())
    model.train(was_training)
    return sum(means) / len(means)
