"""A window in each column: nn.LSTM's order, in which a row is a moment. Loses: make_batch."""
# ruff: noqa: F821


def make_batch(tokens, starts, block_size):
    inputs = torch.stack([tokens[start : start + block_size] for start in starts], dim=1)
    return inputs, torch.stack([tokens[start + 1 : start + 1 + block_size] for start in starts], dim=1)
