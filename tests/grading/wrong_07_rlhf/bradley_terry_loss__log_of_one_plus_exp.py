"""Two steps: exp overflows. Loses: bradley_terry_loss."""
# ruff: noqa: F821


def bradley_terry_loss(chosen, rejected):
    return (1 + torch.exp(rejected - chosen)).log().mean()
