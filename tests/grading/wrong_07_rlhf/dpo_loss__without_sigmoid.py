"""The margin itself, which has no end. Loses: dpo_loss."""


def dpo_loss(policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta):
    margin = policy_chosen - policy_rejected - (ref_chosen - ref_rejected).detach()
    return -(beta * margin).mean()
