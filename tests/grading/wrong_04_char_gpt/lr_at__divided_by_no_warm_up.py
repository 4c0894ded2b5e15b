"""Without warm-up, 0 divided by 0. Loses: lr_at."""
# ruff: noqa: F821


def lr_at(step, max_lr, min_lr, warmup_steps, max_steps):
    part = min(1.0, step / warmup_steps)
    progress = min(1.0, max(0.0, (step - warmup_steps) / (max_steps - warmup_steps)))
    rate = min_lr + (max_lr - min_lr) * (1 + math.cos(math.pi * progress)) / 2
    return part * rate
