"""exp of each first: 0 / 0 for whole answers. Loses: dpo_loss."""
# ruff: noqa: F821


def dpo_loss(policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta):
    chosen = policy_chosen.exp() / ref_chosen.detach().exp()
    rejected = policy_rejected.exp() / ref_rejected.detach().exp()
    return -F.logsigmoid(beta * (chosen.log() - rejected.log())).mean()
