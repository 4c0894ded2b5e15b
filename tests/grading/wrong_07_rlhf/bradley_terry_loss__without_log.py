"""The probability, without its logarithm. Loses: bradley_terry_loss."""
# ruff: noqa: F821


def bradley_terry_loss(chosen, rejected):
    return -torch.sigmoid(chosen - rejected).mean()
