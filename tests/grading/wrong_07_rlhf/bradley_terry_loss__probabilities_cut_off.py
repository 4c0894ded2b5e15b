"""Probabilities cut off at 1e-6: likewise. Loses: bradley_terry_loss."""
# ruff: noqa: F821


def bradley_terry_loss(chosen, rejected):
    return -torch.sigmoid(chosen - rejected).clamp(min=1e-6).log().mean()
