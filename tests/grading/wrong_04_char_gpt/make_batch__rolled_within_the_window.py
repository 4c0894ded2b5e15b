"""The last target of a window is its own first token. Loses: make_batch."""
# ruff: noqa: F821


def make_batch(tokens, starts, block_size):
    inputs = torch.stack([tokens[start : start + block_size] for start in starts])
    return inputs, inputs.roll(-1, dims=1)
