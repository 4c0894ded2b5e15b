"""A window of block_size tokens is cut into inputs and targets: one prediction less. Loses: make_batch."""
# ruff: noqa: F821


def make_batch(tokens, starts, block_size):
    windows = torch.stack([tokens[start : start + block_size] for start in starts])
    return windows[:, :-1], windows[:, 1:]
