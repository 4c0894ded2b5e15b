"""A line down in place of a cosine. Loses: lr_at."""


def lr_at(step, max_lr, min_lr, warmup_steps, max_steps):
    if step < warmup_steps:
        return max_lr * step / warmup_steps
    progress = min(1.0, (step - warmup_steps) / (max_steps - warmup_steps))
    return max_lr - (max_lr - min_lr) * progress
