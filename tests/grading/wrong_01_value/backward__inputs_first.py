"""From the inputs to the result: nodes pass on a gradient that they do not have yet. Loses: backward."""


def backward(order):
    order[-1].grad = 1.0
    for node in order:
        for child, local_grad in zip(node.children, node.local_grads, strict=True):
            child.grad += local_grad * node.grad
