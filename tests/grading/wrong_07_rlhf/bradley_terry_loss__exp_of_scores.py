"""exp of each score, divided by their sum: overflows above 709. Loses: bradley_terry_loss."""
# ruff: noqa: F821


def bradley_terry_loss(chosen, rejected):
    weights = torch.stack([chosen, rejected]).exp()
    return -(weights[0] / weights.sum(dim=0)).log().mean()
