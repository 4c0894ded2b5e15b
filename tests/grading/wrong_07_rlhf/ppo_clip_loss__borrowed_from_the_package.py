"""labkit.rlhf has it. Loses: ppo_clip_loss."""


def ppo_clip_loss(log_probs, old_log_probs, advantages, mask, clip=0.2):
    from labkit.rlhf.ppo import clipped_loss

    return clipped_loss(log_probs, old_log_probs, advantages, mask, clip)
