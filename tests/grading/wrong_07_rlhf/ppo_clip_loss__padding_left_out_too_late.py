"""The loss is right, but nan · 0 is in its gradient. Loses: ppo_clip_loss."""
# ruff: noqa: F821


def ppo_clip_loss(log_probs, old_log_probs, advantages, mask, clip=0.2):
    ratio = (log_probs - old_log_probs.detach()).exp()
    weights = advantages.detach()
    smaller = torch.minimum(ratio * weights, ratio.clamp(1 - clip, 1 + clip) * weights)
    return -smaller[mask].mean()
