"""Layers as single nodes: against the same thing made of two-child nodes, against torch, and by property."""

import doctest
import math

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from hypothesis import given, settings
from hypothesis import strategies as st

from labkit.scalar import Value, gradcheck, ops, topological_order
from labkit.scalar.ops import (
    add,
    backward_along,
    cross_entropy,
    dot,
    linear,
    mean,
    probabilities,
    rmsnorm,
    softmax,
    squared_relu,
)

F64 = torch.float64
EPS = 1e-5

# -- the same functions of the operators of Value alone


def slow_dot(a, b, scale=1.0):
    total = Value(0.0)
    for x, y in zip(a, b, strict=True):
        total = total + x * y
    return total * scale


def slow_softmax(z):
    top = max(v.data for v in z)
    powers = [(v - top).exp() for v in z]
    total = sum(powers, Value(0.0))
    return [power / total for power in powers]


def slow_rmsnorm(x):
    scale = (slow_dot(x, x) / len(x) + EPS) ** -0.5
    return [v * scale for v in x]


def halves(v):
    return v[: len(v) // 2], v[len(v) // 2 :]


def thirds(v):
    """A 2 x 2 matrix and a vector of 2."""
    return [v[:2], v[2:4]], v[4:]


def with_numbers(rows, x):
    return linear(rows, x, [[w.data for w in row] for row in rows])


# name -> ours, of two-child nodes, torch's; each takes six numbers
OPS = {
    "dot": (
        lambda v: [dot(*halves(v))],
        lambda v: [slow_dot(*halves(v))],
        lambda t: (t[:3] @ t[3:])[None],
    ),
    "dot, scaled": (
        lambda v: [dot(*halves(v), 0.25)],
        lambda v: [slow_dot(*halves(v), 0.25)],
        lambda t: (0.25 * t[:3] @ t[3:])[None],
    ),
    "dot with itself": (
        lambda v: [dot(v, v, -2.0)],
        lambda v: [slow_dot(v, v, -2.0)],
        lambda t: (-2 * t @ t)[None],
    ),
    "linear": (
        lambda v: linear(*thirds(v)),
        lambda v: [slow_dot(row, v[4:]) for row in thirds(v)[0]],
        lambda t: F.linear(t[4:], t[:4].view(2, 2)),
    ),
    "linear, numbers at hand": (
        lambda v: with_numbers(*thirds(v)),
        lambda v: [slow_dot(row, v[4:]) for row in thirds(v)[0]],
        lambda t: F.linear(t[4:], t[:4].view(2, 2)),
    ),
    "add": (
        lambda v: add(*halves(v)),
        lambda v: [x + y for x, y in zip(*halves(v), strict=True)],
        lambda t: t[:3] + t[3:],
    ),
    "squared_relu": (
        squared_relu,
        lambda v: [x.relu() ** 2 for x in v],
        lambda t: F.relu(t) ** 2,
    ),
    "softmax": (softmax, slow_softmax, lambda t: F.softmax(t, 0)),
    "rmsnorm": (rmsnorm, slow_rmsnorm, lambda t: F.rms_norm(t, (6,), eps=EPS)),
    "cross_entropy": (
        lambda v: [cross_entropy(v, 2)],
        lambda v: [-slow_softmax(v)[2].log()],
        lambda t: F.cross_entropy(t[None], torch.tensor([2]))[None],
    ),
    "mean": (
        lambda v: [mean(v)],
        lambda v: [sum(v, Value(0.0)) / len(v)],
        lambda t: t.mean()[None],
    ),
}
POINTS = [
    [0.3, -1.2, 2.0, 0.7, -0.4, 1.1],
    [-3.0, 2.5, 0.01, -0.6, 4.0, -2.0],
    [0.0] * 6,
]
# Which leaf each of the six inputs is: all different, some the same, all the same.
SHARED = {"no child shared": [0, 1, 2, 3, 4, 5], "shared": [0, 1, 0, 2, 1, 0], "one leaf": [0] * 6}


def values_and_jacobian(f, numbers, picks):
    leaves = [Value(x) for x in numbers]
    outputs = f([leaves[i] for i in picks])
    jacobian = []
    for output in outputs:
        for leaf in leaves:
            leaf.grad = 0.0
        output.backward()
        jacobian.append([leaf.grad for leaf in leaves])
    return [output.data for output in outputs], jacobian


def near(rows, rel=1e-12):
    return [pytest.approx(row, rel=rel, abs=rel) for row in rows]


@pytest.mark.parametrize("picks", SHARED.values(), ids=SHARED)
@pytest.mark.parametrize("numbers", POINTS, ids=["a", "b", "zeros"])
@pytest.mark.parametrize("op", OPS)
def test_values_and_gradients_are_those_of_two_child_nodes_and_of_torch(op, numbers, picks):
    fast, slow, in_torch = OPS[op]
    data, jacobian = values_and_jacobian(fast, numbers, picks)
    slow_data, slow_jacobian = values_and_jacobian(slow, numbers, picks)
    leaves = torch.tensor(numbers, dtype=F64)
    torch_jacobian = torch.autograd.functional.jacobian(lambda t: in_torch(t[picks]), leaves)
    assert data == pytest.approx(slow_data, rel=1e-12, abs=1e-12)
    assert data == pytest.approx(in_torch(leaves[picks]).tolist(), rel=1e-12, abs=1e-12)
    assert jacobian == near(slow_jacobian)
    assert jacobian == near(torch_jacobian.tolist())


@pytest.mark.parametrize("numbers", POINTS[:2], ids=["a", "b"])
@pytest.mark.parametrize("op", OPS)
def test_gradcheck_passes(op, numbers):
    fast = OPS[op][0]

    def weighed(*inputs):
        total = Value(0.0)
        for k, output in enumerate(fast(list(inputs)), start=1):
            total = total + k * output
        return total

    result = gradcheck(weighed, numbers)
    assert result.ok, str(result)
    assert any(result.analytic)


@pytest.mark.parametrize("op", OPS)
def test_every_output_is_one_node(op):
    for output in OPS[op][0]([Value(x) for x in POINTS[0]]):
        assert topological_order(output) == [output]
        assert len(output.children) == len(output.local_grads)
        assert type(output.data) is float
        assert output.grad == 0.0
        assert output.op


def test_docstring():
    assert doctest.testmod(ops).attempted > 0
    assert doctest.testmod(ops).failed == 0


# -- properties

properties = settings(max_examples=60, deadline=None, derandomize=True)
logits = st.lists(st.floats(-1000, 1000), min_size=1, max_size=6)


def nodes(numbers):
    return [Value(x) for x in numbers]


def data(values):
    return [v.data for v in values]


@properties
@given(logits, st.floats(-1000, 1000))
def test_a_softmax_sums_to_one_and_does_not_see_a_constant(z, constant):
    p = data(softmax(nodes(z)))
    assert sum(p) == pytest.approx(1, rel=1e-12)
    assert all(0 <= x <= 1 for x in p)
    assert data(softmax(nodes([x + constant for x in z]))) == pytest.approx(p, rel=1e-9, abs=1e-12)


@properties
@given(logits, st.data())
def test_the_slopes_of_a_softmax_cancel(z, draw):
    p = softmax(nodes(z))
    node = p[draw.draw(st.integers(0, len(z) - 1))]
    assert sum(node.local_grads) == pytest.approx(0, abs=1e-12)


@properties
@given(logits, st.data())
def test_cross_entropy_is_minus_the_log_of_the_softmax(z, draw):
    target = draw.draw(st.integers(0, len(z) - 1))
    loss, p = cross_entropy(nodes(z), target), data(softmax(nodes(z)))
    assert loss.data >= 0
    if p[target] > 1e-300:
        assert loss.data == pytest.approx(-math.log(p[target]), rel=1e-9, abs=1e-12)
    expected = F.cross_entropy(torch.tensor([z], dtype=F64), torch.tensor([target])).item()
    assert loss.data == pytest.approx(expected, rel=1e-12, abs=1e-12)
    assert loss.local_grads == pytest.approx([x - (j == target) for j, x in enumerate(p)], abs=1e-12)


@properties
@given(logits, st.floats(0.01, 100))
def test_probabilities_are_the_softmax_over_the_temperature(z, temperature):
    expected = F.softmax(torch.tensor(z, dtype=F64) / temperature, 0).tolist()
    assert probabilities(z, temperature) == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_logits_of_a_thousand_do_not_overflow():
    assert data(softmax(nodes([1000, -1000, 1000]))) == [0.5, 0.0, 0.5]
    assert data(softmax(nodes([-1000, -1000]))) == [0.5, 0.5]
    loss = cross_entropy(nodes([1000, -1000]), 1)
    assert loss.data == 2000  # the softmax itself is 0 there
    assert loss.local_grads == [1.0, -1.0]


sizable = st.floats(1, 10) | st.floats(-10, -1)


@properties
@given(st.lists(sizable, min_size=1, max_size=6), st.floats(1, 100))
def test_rmsnorm_has_length_root_n_and_does_not_see_the_scale_up_to_eps(x, scale):
    y = data(rmsnorm(nodes(x)))
    assert math.hypot(*y) == pytest.approx(math.sqrt(len(x)), rel=EPS)
    assert data(rmsnorm(nodes([scale * v for v in x]))) == pytest.approx(y, rel=EPS)


@properties
@given(st.integers(1, 4), st.integers(1, 4), st.randoms(use_true_random=False))
def test_linear_is_a_dot_product_a_row(n_out, n_in, rng):
    rows = [[Value(rng.uniform(-2, 2)) for _ in range(n_in)] for _ in range(n_out)]
    x = [Value(rng.uniform(-2, 2)) for _ in range(n_in)]
    for outputs in (linear(rows, x), with_numbers(rows, x)):
        assert len(outputs) == n_out
        for output, row in zip(outputs, rows, strict=True):
            expected = dot(row, x)
            assert output.data == expected.data
            assert list(output.children) == list(expected.children)
            assert list(output.local_grads) == list(expected.local_grads)


def test_linear_of_no_rows_is_nothing():
    assert linear([], nodes([1.0, 2.0])) == []


@properties
@given(
    st.lists(st.sampled_from(["linear", "rmsnorm", "softmax", "squared_relu", "add", "dots"]), max_size=6),
    st.lists(st.floats(-2, 2), min_size=12, max_size=12),
)
def test_backward_along_a_tape_is_backward(program, numbers):
    leaves = nodes(numbers)
    matrix, x0 = [leaves[0:3], leaves[3:6], leaves[6:9]], leaves[9:]

    steps = {
        "linear": lambda x: linear(matrix, x),
        "rmsnorm": rmsnorm,
        "softmax": softmax,
        "squared_relu": squared_relu,
        "add": lambda x: add(x, x0),
        "dots": lambda x: [dot(x, x, 0.5), dot(x, x0), x[0]],
    }

    def build():
        tape, x = [], x0
        for op in program:
            after = steps[op](x)
            tape += [node for node in after if node not in x]
            x = after
        return [*tape, cross_entropy(x, 1)]

    result = build()[-1]
    result.backward()
    once = [leaf.grad for leaf in leaves]
    for leaf in leaves:
        leaf.grad = 0.0
    backward_along(build())
    scale = max(1.0, *map(abs, once))
    assert [leaf.grad for leaf in leaves] == pytest.approx(once, rel=1e-12, abs=1e-12 * scale)
    backward_along(build())  # leaves add up
    assert [leaf.grad for leaf in leaves] == pytest.approx([2 * g for g in once], rel=1e-12, abs=1e-12 * scale)


def test_backward_along_sets_the_gradients_in_between_too():
    x = nodes([0.5, -1.0, 2.0])
    hidden = softmax(x)
    tape = [*hidden, mean(squared_relu(hidden))]
    tape[-1:-1] = tape[-1].children
    backward_along(tape)
    along = [node.grad for node in tape]
    tape[-1].grad = 0.0  # the root of `backward` adds up
    tape[-1].backward()
    assert along == pytest.approx([node.grad for node in tape], rel=1e-12)
    assert all(along)


# -- errors


@pytest.mark.parametrize(
    ("f", "words"),
    [
        (lambda v: dot(v[:2], v), "dot: .* got 2 and 3"),
        (lambda v: linear([v[:2]], v), "linear: the matrix has 2 columns, the vector 3 entries"),
        (lambda v: linear([v, v[:2]], v), "linear: row 1 has 2 columns, the vector 3 entries"),
        (lambda v: linear([v, v], v, [[1.0] * 3]), "zip"),
        (lambda v: add(v, v[:2]), "shorter"),
        (lambda v: softmax([]), "softmax: at least one"),
        (lambda v: rmsnorm([]), "rmsnorm: at least one"),
        (lambda v: mean([]), "mean: at least one"),
        (lambda v: cross_entropy(v, 3), r"cross_entropy: the target must be 0 … 2, got 3"),
        (lambda v: cross_entropy(v, -1), r"cross_entropy: the target must be 0 … 2, got -1"),
        (lambda v: cross_entropy([], 0), "cross_entropy: the target must be"),
    ],
)
def test_what_cannot_be_is_refused(f, words):
    with pytest.raises(ValueError, match=words):
        f(nodes([1.0, 2.0, 3.0]))
