"""The difference itself, which has no end. Loses: bradley_terry_loss."""


def bradley_terry_loss(chosen, rejected):
    return -(chosen - rejected).mean()
