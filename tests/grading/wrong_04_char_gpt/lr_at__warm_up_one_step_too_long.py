"""The full rate comes one step late. Loses: lr_at."""
# ruff: noqa: F821


def lr_at(step, max_lr, min_lr, warmup_steps, max_steps):
    if step < warmup_steps:
        return max_lr * step / (warmup_steps + 1)
    progress = min(1.0, (step - warmup_steps) / (max_steps - warmup_steps))
    return min_lr + (max_lr - min_lr) * (1 + math.cos(math.pi * progress)) / 2
