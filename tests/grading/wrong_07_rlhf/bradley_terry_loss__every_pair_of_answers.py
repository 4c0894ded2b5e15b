"""Each chosen answer beside every rejected one. Loses: bradley_terry_loss."""
# ruff: noqa: F821


def bradley_terry_loss(chosen, rejected):
    return -F.logsigmoid(chosen[:, None] - rejected).mean()
