"""Two steps: the sigmoid is 0 before its logarithm is taken. Loses: bradley_terry_loss."""
# ruff: noqa: F821


def bradley_terry_loss(chosen, rejected):
    return -torch.sigmoid(chosen - rejected).log().mean()
