"""In bits. Loses: bradley_terry_loss."""
# ruff: noqa: F821


def bradley_terry_loss(chosen, rejected):
    return -F.logsigmoid(chosen - rejected).mean() / math.log(2)
