"""The log-likelihood: it rises as the model gets better. Loses: bradley_terry_loss."""
# ruff: noqa: F821


def bradley_terry_loss(chosen, rejected):
    return F.logsigmoid(chosen - rejected).mean()
