"""The logarithm of the ratio is clipped. Loses: ppo_clip_loss."""
# ruff: noqa: F821


def ppo_clip_loss(log_probs, old_log_probs, advantages, mask, clip=0.2):
    new, old, weights = log_probs[mask], old_log_probs[mask].detach(), advantages[mask].detach()
    ratio = (new - old).exp()
    return -torch.minimum(ratio * weights, (new - old).clamp(-clip, clip).exp() * weights).mean()
