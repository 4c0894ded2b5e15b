"""The ratio as it is. Loses: ppo_clip_loss."""


def ppo_clip_loss(log_probs, old_log_probs, advantages, mask, clip=0.2):
    new, old, weights = log_probs[mask], old_log_probs[mask].detach(), advantages[mask].detach()
    ratio = (new - old).exp()
    return -(ratio * weights).mean()
