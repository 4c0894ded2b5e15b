"""The rejected answer has to win. Loses: bradley_terry_loss."""
# ruff: noqa: F821


def bradley_terry_loss(chosen, rejected):
    return -F.logsigmoid(rejected - chosen).mean()
