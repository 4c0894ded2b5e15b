"""The reference gets a gradient too. Loses: dpo_loss."""
# ruff: noqa: F821


def dpo_loss(policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta):
    margin = policy_chosen - ref_chosen - policy_rejected + ref_rejected
    return -F.logsigmoid(beta * margin).mean()
