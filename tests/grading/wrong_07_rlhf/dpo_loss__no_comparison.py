"""The chosen answers alone. Loses: dpo_loss."""
# ruff: noqa: F821


def dpo_loss(policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta):
    return -F.logsigmoid(beta * (policy_chosen - ref_chosen.detach())).mean()
