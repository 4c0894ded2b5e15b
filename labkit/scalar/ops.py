"""Whole layers as single nodes: one Value with many children in place of a chain of small ones.

A dot product of 16 numbers takes 31 two-child nodes, or one node with 32 children: the same number
and the same gradients for a thirtieth of the objects. Each function below states its local
gradients; `tests/scalar/test_ops.py` checks every one against the two-child version and torch.

>>> y = dot([Value(1), Value(2)], [Value(3), Value(4)])
>>> y.data, y.local_grads
(11.0, [3.0, 4.0, 1.0, 2.0])
"""

import math
from collections.abc import Sequence
from operator import attrgetter, mul

from .value import Value

RMS_EPS = 1e-5
"""Added to the mean square, so that a vector of zeros can be normalised."""

_data = attrgetter("data")
_new = Value.__new__


def numbers(values: Sequence[Value]) -> list[float]:
    """The plain numbers of some Values."""
    return list(map(_data, values))


def _node(data: float, children: Sequence[Value], local_grads: Sequence[float], op: str) -> Value:
    """`Value(...)` without its checks: half the time, for what is made thousands of times a step."""
    node = _new(Value)
    node.data = data
    node.grad = 0.0
    node.children = children
    node.local_grads = local_grads
    node.op = op
    return node


def dot(a: Sequence[Value], b: Sequence[Value], scale: float = 1.0) -> Value:
    """Scale · Σ aᵢ bᵢ; d/daᵢ = scale · bᵢ and d/dbᵢ = scale · aᵢ."""
    if len(a) != len(b):
        raise ValueError(f"dot: the two vectors must be as long as each other, got {len(a)} and {len(b)}")
    x, y = numbers(a), numbers(b)
    total = sum(map(mul, x, y))
    if scale != 1.0:
        total, x, y = total * scale, [scale * xi for xi in x], [scale * yi for yi in y]
    return _node(total, [*a, *b], y + x, "dot")


def linear(
    rows: Sequence[Sequence[Value]], x: Sequence[Value], weights: Sequence[Sequence[float]] | None = None
) -> list[Value]:
    """A matrix times a vector: one dot product a row.

    Args:
        rows: [n_out][n_in].
        x: [n_in].
        weights: the numbers of `rows`, where the caller has them at hand (reading 4,000 `.data`
            at every token is a third of the forward pass).

    Returns:
        [n_out] nodes, each with the row and `x` as its 2 · n_in children.
    """
    if rows and len(rows[0]) != len(x):
        raise ValueError(f"linear: the matrix has {len(rows[0])} columns, the vector {len(x)} entries")
    children, xs = list(x), numbers(x)
    if weights is None:
        weights = [numbers(row) for row in rows]
        for i, row in enumerate(rows):
            if len(row) != len(x):
                raise ValueError(f"linear: row {i} has {len(row)} columns, the vector {len(x)} entries")
    return [
        _node(sum(map(mul, w, xs)), [*row, *children], xs + w, "dot")  # type: ignore[operator]
        for row, w in zip(rows, weights, strict=True)
    ]


def add(a: Sequence[Value], b: Sequence[Value]) -> list[Value]:
    """Two vectors, entry by entry."""
    return [_node(x.data + y.data, (x, y), (1.0, 1.0), "+") for x, y in zip(a, b, strict=True)]


def squared_relu(x: Sequence[Value]) -> list[Value]:
    """max(0, xᵢ)² (So et al. 2021, Primer); d/dxᵢ = 2 max(0, xᵢ)."""
    return [
        _node(v.data * v.data, (v,), (2.0 * v.data,), "relu²")
        if v.data > 0
        else _node(0.0 * v.data, (v,), (0.0,), "relu²")
        for v in x
    ]


def softmax(logits: Sequence[Value]) -> list[Value]:
    """pᵢ = exp(zᵢ) / Σ exp(zⱼ); dpᵢ/dzⱼ = pᵢ ([i = j] - pⱼ).

    The largest logit is taken from all of them first: the quotient stays the same, and exp cannot overflow.
    """
    children = list(logits)
    p = probabilities(numbers(children))
    nodes = []
    for i, p_i in enumerate(p):
        local_grads = [-p_i * p_j for p_j in p]
        local_grads[i] += p_i
        nodes.append(_node(p_i, children, local_grads, "softmax"))
    return nodes


def probabilities(logits: Sequence[float], temperature: float = 1.0) -> list[float]:
    """The softmax of plain numbers, divided by the temperature first."""
    if not logits:
        raise ValueError("softmax: at least one logit is needed")
    largest = max(logits)
    powers = [math.exp((z - largest) / temperature) for z in logits]
    total = sum(powers)
    return [power / total for power in powers]


def rmsnorm(x: Sequence[Value]) -> list[Value]:
    """yᵢ = s xᵢ with s = 1 / √(mean(x²) + ε): the vector at length √n (Zhang & Sennrich 2019, without a gain).

    ds/dxⱼ = -s³ xⱼ / n, and so dyᵢ/dxⱼ = s [i = j] - s³ xᵢ xⱼ / n.
    """
    if not x:
        raise ValueError("rmsnorm: at least one entry is needed")
    children, xs = list(x), numbers(x)
    n = len(xs)
    s = (sum(map(mul, xs, xs)) / n + RMS_EPS) ** -0.5
    shared = -(s**3) / n
    nodes = []
    for i, x_i in enumerate(xs):
        slope = shared * x_i
        local_grads = [slope * x_j for x_j in xs]
        local_grads[i] += s
        nodes.append(_node(s * x_i, children, local_grads, "rmsnorm"))
    return nodes


def cross_entropy(logits: Sequence[Value], target: int) -> Value:
    """-log p[target] in nats, with p the softmax of the logits; d/dzⱼ = pⱼ - [j = target].

    Computed as log Σ exp(zⱼ - max) - (z[target] - max): no probability is ever so small that its log fails.
    """
    if not 0 <= target < len(logits):
        raise ValueError(f"cross_entropy: the target must be 0 … {len(logits) - 1}, got {target}")
    children, z = list(logits), numbers(logits)
    largest = max(z)
    powers = [math.exp(z_j - largest) for z_j in z]
    total = sum(powers)
    local_grads = [power / total for power in powers]
    local_grads[target] -= 1.0
    return _node(math.log(total) - (z[target] - largest), children, local_grads, "cross-entropy")


def mean(values: Sequence[Value]) -> Value:
    """The mean of n nodes; d/dxᵢ = 1/n."""
    if not values:
        raise ValueError("mean: at least one value is needed")
    n = len(values)
    return _node(sum(map(_data, values)) / n, list(values), [1.0 / n] * n, "mean")


def backward_along(tape: Sequence[Value]) -> None:
    """`tape[-1].backward()` for nodes listed in the order in which they were made.

    That order has every child before its parents already, so nothing needs to be searched for. The
    inner nodes must be fresh (grad 0); the gradients of leaves add up, as ever.
    """
    tape[-1].grad = 1.0
    for node in reversed(tape):
        grad = node.grad
        if grad:  # half of what comes out of a ReLU² passes nothing on
            for child, local_grad in zip(node.children, node.local_grads, strict=True):
                child.grad += local_grad * grad
