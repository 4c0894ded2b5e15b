"""Differences cut off at 50. Loses: bradley_terry_loss."""
# ruff: noqa: F821


def bradley_terry_loss(chosen, rejected):
    return -F.logsigmoid((chosen - rejected).clamp(-50, 50)).mean()
