"""The names bound to new lists: the caller's means stay 0. Loses: adam_step."""
# ruff: noqa: F821


def adam_step(params, m, v, step, lr=0.01, beta1=0.85, beta2=0.99, eps=1e-8):
    m = [beta1 * mean + (1 - beta1) * p.grad for mean, p in zip(m, params, strict=True)]
    v = [beta2 * mean + (1 - beta2) * p.grad * p.grad for mean, p in zip(v, params, strict=True)]
    for p, mean, square in zip(params, m, v, strict=True):
        p.data -= lr * mean / (1 - beta1**step) / (math.sqrt(square / (1 - beta2**step)) + eps)
