"""The second mean made of m * m in place of the gradient's square. Loses: adam_step."""
# ruff: noqa: F821


def adam_step(params, m, v, step, lr=0.01, beta1=0.85, beta2=0.99, eps=1e-8):
    for i, p in enumerate(params):
        m[i] = beta1 * m[i] + (1 - beta1) * p.grad
        v[i] = beta2 * v[i] + (1 - beta2) * m[i] * m[i]
        m_hat = m[i] / (1 - beta1**step)
        v_hat = v[i] / (1 - beta2**step)
        p.data -= lr * m_hat / (math.sqrt(v_hat) + eps)
