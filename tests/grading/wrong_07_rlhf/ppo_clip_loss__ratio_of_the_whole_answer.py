"""One ratio for all tokens of an answer. Loses: ppo_clip_loss."""
# ruff: noqa: F821


def ppo_clip_loss(log_probs, old_log_probs, advantages, mask, clip=0.2):
    change = torch.where(mask, log_probs - old_log_probs.detach(), 0.0)
    ratio = change.sum(dim=1, keepdim=True).exp().expand_as(log_probs)[mask]
    weights = advantages[mask].detach()
    return -torch.minimum(ratio * weights, ratio.clamp(1 - clip, 1 + clip) * weights).mean()
