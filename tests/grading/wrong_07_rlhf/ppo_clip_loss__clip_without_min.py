"""Clipped alone: what went the wrong way is never called back. Loses: ppo_clip_loss."""


def ppo_clip_loss(log_probs, old_log_probs, advantages, mask, clip=0.2):
    new, old, weights = log_probs[mask], old_log_probs[mask].detach(), advantages[mask].detach()
    ratio = (new - old).exp()
    clipped = ratio.clamp(1 - clip, 1 + clip)
    return -(clipped * weights).mean()
