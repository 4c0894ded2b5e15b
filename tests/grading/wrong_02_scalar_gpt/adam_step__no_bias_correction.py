"""The means used as they are: too small at first, and not by the same factor. Loses: adam_step."""
# ruff: noqa: F821


def adam_step(params, m, v, step, lr=0.01, beta1=0.85, beta2=0.99, eps=1e-8):
    for i, p in enumerate(params):
        m[i] = beta1 * m[i] + (1 - beta1) * p.grad
        v[i] = beta2 * v[i] + (1 - beta2) * p.grad * p.grad
        p.data -= lr * m[i] / (math.sqrt(v[i]) + eps)
