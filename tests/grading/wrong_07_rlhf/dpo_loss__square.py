"""The square of IPO. Loses: dpo_loss."""


def dpo_loss(policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta):
    margin = policy_chosen - policy_rejected - (ref_chosen - ref_rejected).detach()
    return ((margin - 1 / (2 * beta)) ** 2).mean()
