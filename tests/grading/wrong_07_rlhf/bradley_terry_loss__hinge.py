"""A hinge with a margin of 1. Loses: bradley_terry_loss."""
# ruff: noqa: F821


def bradley_terry_loss(chosen, rejected):
    return F.relu(1 - (chosen - rejected)).mean()
