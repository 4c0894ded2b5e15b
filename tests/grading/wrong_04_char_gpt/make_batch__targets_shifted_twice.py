"""The window is moved already, and its targets are moved again. Loses: make_batch."""
# ruff: noqa: F821


def make_batch(tokens, starts, block_size):
    moved = torch.cat([tokens[1:], tokens[:1]])
    inputs = torch.stack([tokens[start : start + block_size] for start in starts])
    return inputs, torch.stack([moved.roll(-1)[start : start + block_size] for start in starts])
