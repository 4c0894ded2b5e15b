"""From the top of a cosine to its zero: steepest at the end. Loses: lr_at."""
# ruff: noqa: F821


def lr_at(step, max_lr, min_lr, warmup_steps, max_steps):
    if step < warmup_steps:
        return max_lr * step / warmup_steps
    progress = min(1.0, (step - warmup_steps) / (max_steps - warmup_steps))
    return min_lr + (max_lr - min_lr) * math.cos(math.pi / 2 * progress)
