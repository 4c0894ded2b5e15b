"""The policy gradient: the samples are taken for its own. Loses: ppo_clip_loss."""


def ppo_clip_loss(log_probs, old_log_probs, advantages, mask, clip=0.2):
    return -(log_probs[mask] * advantages[mask].detach()).mean()
