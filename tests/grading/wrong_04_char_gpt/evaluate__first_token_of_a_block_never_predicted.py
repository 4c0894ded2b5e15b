"""Each block has its targets from within itself. Loses: evaluate."""
# ruff: noqa: F821


def evaluate(model, tokens, block_size):
    nats, predictions = 0.0, 0
    was_training = model.training
    model.eval()
    with torch.no_grad():
        for block in tokens.split(block_size):
            if len(block) > 1:
                nats += F.cross_entropy(model(block[None, :-1])[0], block[1:], reduction="sum").item()
                predictions += len(block) - 1
    model.train(was_training)
    return nats / max(1, predictions)
