"""A scheduler of torch's, stepped to the step. Loses: lr_at."""
# ruff: noqa: F821


def lr_at(step, max_lr, min_lr, warmup_steps, max_steps):
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=max_lr)
    fall = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, max_steps - warmup_steps, min_lr)
    if step < warmup_steps:
        return max_lr * step / warmup_steps
    for _ in range(min(step, max_steps) - warmup_steps):
        optimizer.step()
        fall.step()
    return fall.get_last_lr()[0]
