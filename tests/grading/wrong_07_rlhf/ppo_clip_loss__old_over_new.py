"""The ratio upside down. Loses: ppo_clip_loss."""
# ruff: noqa: F821


def ppo_clip_loss(log_probs, old_log_probs, advantages, mask, clip=0.2):
    new, old, weights = log_probs[mask], old_log_probs[mask].detach(), advantages[mask].detach()
    ratio = (old - new).exp()
    clipped = ratio.clamp(1 - clip, 1 + clip)
    return -torch.minimum(ratio * weights, clipped * weights).mean()
