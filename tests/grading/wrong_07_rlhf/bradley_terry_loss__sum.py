"""The sum over the pairs. Loses: bradley_terry_loss."""
# ruff: noqa: F821


def bradley_terry_loss(chosen, rejected):
    return -F.logsigmoid(chosen - rejected).sum()
