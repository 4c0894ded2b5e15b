"""The rejected score is taken for a number: nothing pushes it down. Loses: bradley_terry_loss."""
# ruff: noqa: F821


def bradley_terry_loss(chosen, rejected):
    return -F.logsigmoid(chosen - rejected.detach()).mean()
