"""The gradient assigned, not added: a shared node keeps the last path's only. Loses: backward."""


def backward(order):
    order[-1].grad = 1.0
    for node in reversed(order):
        for child, local_grad in zip(node.children, node.local_grads, strict=True):
            child.grad = local_grad * node.grad
