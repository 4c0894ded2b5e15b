"""A few windows at random: another number each time. Loses: evaluate."""
# ruff: noqa: F821


def evaluate(model, tokens, block_size):
    was_training = model.training
    model.eval()
    with torch.no_grad():
        length = min(block_size, len(tokens) - 1)
        inputs, targets = make_batch(tokens, torch.randint(len(tokens) - length, (20,)), length)
        nats = F.cross_entropy(model(inputs).flatten(0, 1), targets.flatten()).item()
    model.train(was_training)
    return nats
