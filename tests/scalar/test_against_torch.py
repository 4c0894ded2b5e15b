"""Random expression graphs: the same graph in Values and in torch (float64) has the same values and gradients."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from labkit.scalar import Value, gradcheck

# name -> how many of the nodes so far it takes
SMOOTH = {
    "+": 2,
    "-": 2,
    "*": 2,
    "/": 2,
    "**": 2,
    "neg": 1,
    "exp": 1,
    "log": 1,
    "tanh": 1,
    "square": 1,
    "cube": 1,
    "root": 1,
    "inverse": 1,
    "zeroth": 1,
    "2**": 1,
    "3-": 1,
    "1/": 1,
    "dot": 4,
    "logsumexp": 3,
}
ALL = SMOOTH | {"relu": 1}
EXPONENTS = {"square": 2, "cube": 3, "root": 0.5, "inverse": -1, "zeroth": 0}


def in_domain(op, x, y):
    """Whether `op` is defined at x (and y), and not so steep that two roundings part visibly."""
    if op in ("log", "root"):
        return x > 0.1
    if op in ("inverse", "1/"):
        return abs(x) > 0.1
    if op == "/":
        return abs(y) > 0.1
    if op == "**":
        return 0.1 < x < 5 and abs(y) < 3
    if op in ("exp", "2**", "logsumexp"):
        return x < 3
    if op == "relu":
        return abs(x) > 1e-6
    return True


def apply(op, nodes):
    """`op` on Values or on torch tensors; the operations with many inputs are one node in Values."""
    x, y = nodes[0], nodes[-1]
    if op in EXPONENTS:
        return x ** EXPONENTS[op]
    if op == "dot":
        if not isinstance(x, Value):
            return nodes[0] * nodes[1] + nodes[2] * nodes[3]
        a, b, c, d = (v.data for v in nodes)
        return Value(a * b + c * d, nodes, (b, a, d, c), "dot")
    if op == "logsumexp":
        if not isinstance(x, Value):
            return torch.logsumexp(torch.stack(nodes), dim=0)
        top = max(v.data for v in nodes)
        powers = [math.exp(v.data - top) for v in nodes]
        return Value(top + math.log(sum(powers)), nodes, [p / sum(powers) for p in powers], "logsumexp")
    return {
        "+": lambda: x + y,
        "-": lambda: x - y,
        "*": lambda: x * y,
        "/": lambda: x / y,
        "**": lambda: x**y,
        "neg": lambda: -x,
        "2**": lambda: 2**x,
        "3-": lambda: 3 - x,
        "1/": lambda: 1 / x,
    }.get(op, lambda: getattr(x, op)())()


def run(program, inputs):
    """All nodes of the program; the last one is the result."""
    nodes = list(inputs)
    for op, picks in program:
        nodes.append(apply(op, [nodes[i] for i in picks]))
    return nodes


@st.composite
def programs(draw, operations):
    """Numbers for the leaves, and a list of (op, the nodes that it takes): any node may be taken again."""
    numbers = draw(st.lists(st.floats(-2, 2).filter(lambda x: abs(x) > 0.01), min_size=1, max_size=4))
    nodes, program = [Value(x) for x in numbers], []
    for _ in range(draw(st.integers(1, 14))):
        op = draw(st.sampled_from(sorted(operations)))
        # Recent nodes are likelier: deep graphs, and every leaf still has its chance.
        picks = [len(nodes) - 1 - draw(st.integers(0, len(nodes) - 1)) for _ in range(operations[op])]
        if not in_domain(op, nodes[picks[0]].data, nodes[picks[-1]].data):
            op, picks = "tanh", picks[:1]
        node = apply(op, [nodes[i] for i in picks])
        if abs(node.data) > 20:
            op, picks = "tanh", picks[:1]
            node = apply(op, [nodes[i] for i in picks])
        nodes.append(node)
        program.append((op, picks))
    return numbers, program


@settings(max_examples=200, deadline=None, derandomize=True)
@given(programs(ALL))
def test_values_and_gradients_agree_with_torch(case):
    numbers, program = case
    nodes = run(program, [Value(x) for x in numbers])
    tensors = run(program, [torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in numbers])
    for tensor in tensors:
        tensor.retain_grad()
    nodes[-1].backward()
    tensors[-1].backward()
    theirs = [0.0 if tensor.grad is None else tensor.grad.item() for tensor in tensors]
    scale = max(1.0, *map(abs, theirs))
    assert [node.data for node in nodes] == pytest.approx([t.item() for t in tensors], rel=1e-9, abs=1e-9)
    assert [node.grad for node in nodes] == pytest.approx(theirs, rel=1e-9, abs=1e-9 * scale)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(programs(SMOOTH))
def test_gradients_agree_with_central_differences(case):
    numbers, program = case
    nodes = run(program, [Value(x) for x in numbers])
    nodes[-1].backward()
    # Where the gradient is steep inside, so is the third derivative that a central difference is wrong by.
    scale = max(1.0, *(abs(node.grad) for node in nodes))
    result = gradcheck(lambda *inputs: run(program, inputs)[-1], numbers, atol=1e-5 * scale**2)
    assert result.ok, str(result)
