"""β outside the log-sigmoid. Loses: dpo_loss."""
# ruff: noqa: F821


def dpo_loss(policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta):
    margin = policy_chosen - policy_rejected - (ref_chosen - ref_rejected).detach()
    return -beta * F.logsigmoid(margin).mean()
