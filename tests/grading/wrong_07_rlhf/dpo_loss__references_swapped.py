"""Each answer beside the reference of the other. Loses: dpo_loss."""
# ruff: noqa: F821


def dpo_loss(policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta):
    margin = policy_chosen - ref_rejected.detach() - policy_rejected + ref_chosen.detach()
    return -F.logsigmoid(beta * margin).mean()
