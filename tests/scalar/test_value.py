"""The node itself: its operators, its errors, and `backward`, against torch where torch does the same."""

import doctest
import gc
import math
import sys

import numpy as np
import pytest
import torch

from labkit.scalar import Value, topological_order, value

BINARY = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "**": lambda a, b: a**b,
}
UNARY = {
    "neg": lambda a: -a,
    "relu": lambda a: a.relu(),
    "exp": lambda a: a.exp(),
    "log": lambda a: a.log(),
    "tanh": lambda a: a.tanh(),
}


def leaves(*numbers):
    """The same numbers as Values and as torch scalars."""
    return [Value(x) for x in numbers], [torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in numbers]


def grads(nodes):
    return [float(node.grad) for node in nodes]


def test_docstring():
    assert doctest.testmod(value).attempted > 0
    assert doctest.testmod(value).failed == 0


@pytest.mark.parametrize("op", BINARY)
def test_binary_operators_take_numbers_on_either_side(op):
    f = BINARY[op]
    (a, b), (ta, tb) = leaves(2.5, 1.5)
    for mine, theirs in ((f(a, b), f(ta, tb)), (f(a, 3), f(ta, 3)), (f(3, b), f(3, tb))):
        mine.backward()
        theirs.backward()
        assert mine.data == pytest.approx(theirs.item(), rel=1e-15)
    assert grads([a, b]) == pytest.approx(grads([ta, tb]), rel=1e-15)


@pytest.mark.parametrize("op", UNARY)
@pytest.mark.parametrize("x", [0.3, 2.0, -1.5])
def test_unary_operators(op, x):
    if op == "log":
        x = abs(x)
    (a,), (ta,) = leaves(x)
    mine, theirs = UNARY[op](a), UNARY[op](ta)
    mine.backward()
    theirs.backward()
    assert (mine.data, a.grad) == pytest.approx((theirs.item(), ta.grad.item()), rel=1e-14)
    assert mine.op == op


@pytest.mark.parametrize("op", BINARY)
@pytest.mark.parametrize("number", [np.float64(2), np.float32(2), np.int64(2)])
def test_numpy_scalars_on_either_side_give_a_value(op, number):
    f = BINARY[op]
    v = Value(3.0)
    for result, expected in ((f(number, v), f(2.0, 3.0)), (f(v, number), f(3.0, 2.0))):
        assert isinstance(result, Value)
        assert type(result.data) is float
        assert result.data == expected


def test_a_new_value_is_a_leaf_with_gradient_zero():
    v = Value(3)
    assert (v.data, v.grad, v.children, v.local_grads, v.op) == (3.0, 0.0, (), (), "")
    assert type(v.data) is float
    assert repr(v) == "Value(data=3, grad=0)"


def test_a_value_depends_only_on_what_it_was_made_from():
    a, b = Value(2.0), Value(3.0)
    (a * a).backward()
    assert grads([a, b]) == [4.0, 0.0]


def test_relu_at_zero_and_powers_at_zero_follow_torch():
    cases = [lambda a: a.relu(), lambda a: a**0, lambda a: a**1, lambda a: a**2, lambda a: a**0.5]
    for f in cases:
        (a,), (ta,) = leaves(0.0)
        f(a).backward()
        f(ta).backward()
        assert a.grad == ta.grad.item()


@pytest.mark.parametrize("exponent", [0.0, 0.5, 1.0, 2.0])
def test_zero_to_a_value_follows_torch(exponent):
    nodes, tensors = leaves(0.0, exponent)
    mine, theirs = nodes[0] ** nodes[1], tensors[0] ** tensors[1]
    mine.backward()
    theirs.backward()
    assert mine.data == theirs.item()
    # torch gives the exponent 0**0 * log 0 = -inf at 0**0; the limit of 0**y from above is taken here.
    assert nodes[0].grad == tensors[0].grad.item()
    assert nodes[1].grad == (0.0 if exponent == 0 else tensors[1].grad.item())


@pytest.mark.parametrize(
    ("exponent", "op"),
    [(2, "**2"), (0.5, "**0.5"), (1 / 3, f"**{1 / 3!r}"), (-1, "**-1"), (123456789, "**123456789.0")],
)
def test_the_op_of_a_power_spells_the_whole_exponent(exponent, op):
    node = Value(1.0) ** exponent
    assert node.op == op
    assert float(node.op[2:]) == exponent


# -- any number of children


def test_a_dot_product_can_be_one_node():
    (*xs, a), (*txs, ta) = leaves(1.0, -2.0, 3.0, 0.5, 4.0, -1.0, 2.0)
    left, right = xs[:3], xs[3:]
    data = sum(x.data * y.data for x, y in zip(left, right, strict=True))
    dot = Value(data, (*left, *right), [v.data for v in (*right, *left)], "dot")
    (dot * a).tanh().backward()
    (torch.dot(torch.stack(txs[:3]), torch.stack(txs[3:])) * ta).tanh().backward()
    assert grads([*xs, a]) == pytest.approx(grads([*txs, ta]), rel=1e-9)


def test_a_child_may_be_there_twice():
    x = Value(3.0)
    Value(9.0, (x, x), (3.0, 3.0), "square").backward()
    assert x.grad == 6.0


# -- errors name the operation and what was given


@pytest.mark.parametrize("op", BINARY)
@pytest.mark.parametrize("thing", ["3", None, [1.0], 1j, np.array([1.0])], ids=str)
def test_operators_refuse_what_is_no_number(op, thing):
    for left, right in ((Value(2.0), thing), (thing, Value(2.0))):
        with pytest.raises(TypeError) as error:
            BINARY[op](left, right)
        assert f"{op}: expected a number or a Value" in str(error.value)
        assert repr(thing) in str(error.value)


@pytest.mark.parametrize("thing", ["3", None, [1.0], 1j])
def test_the_constructor_refuses_what_is_no_number(thing):
    with pytest.raises(TypeError, match="Value: expected a number"):
        Value(thing)


def test_a_value_is_not_made_of_a_value():
    with pytest.raises(TypeError) as error:
        Value(Value(2.0))
    assert "expected a number, got Value(data=2, grad=0)" in str(error.value)


def test_one_local_gradient_per_child():
    a = Value(1.0)
    with pytest.raises(ValueError, match="2 children but 1 local gradients"):
        Value(2.0, (a, a), (1.0,))


@pytest.mark.parametrize(
    ("f", "error", "words"),
    [
        (lambda: Value(0.0).log(), ValueError, "log(0.0)"),
        (lambda: Value(-2.0).log(), ValueError, "log(-2.0)"),
        (lambda: Value(3.0) / 0, ZeroDivisionError, "3.0 / 0.0"),
        (lambda: 3 / Value(0.0), ZeroDivisionError, "3.0 / 0.0"),
        (lambda: Value(0.0) ** -1, ZeroDivisionError, "0.0 ** -1.0"),
        (lambda: Value(0.0) ** Value(-1.0), ZeroDivisionError, "0.0 ** -1.0"),
        (lambda: Value(-2.0) ** 0.5, ValueError, "-2.0 ** 0.5"),
        (lambda: Value(-2.0) ** Value(2.0), ValueError, "-2.0 ** Value(2.0)"),
        (lambda: (-2) ** Value(0.5), ValueError, "-2.0 ** Value(0.5)"),
        (lambda: Value(10.0) ** 400, OverflowError, "10.0 ** 400"),
        (lambda: Value(710.0).exp(), OverflowError, "exp(710.0)"),
    ],
)
def test_domain_errors_name_the_operation_and_the_value(f, error, words):
    with pytest.raises(error) as raised:
        f()
    assert words in str(raised.value)


def test_exp_reaches_as_far_as_a_float_does():
    assert Value(709.78).exp().data == math.exp(709.78)
    assert Value(-1000.0).exp().data == 0.0


# -- backward


def expression(a, b, c):
    """A diamond, a shared subexpression and a leaf used four times; returns what is in between too."""
    d = a * b
    e = (d + c).tanh()
    f = d * e
    g = f - d / (a * a + 1)
    return [d, e, f], g


def test_interior_gradients_are_those_that_torch_retains():
    nodes, tensors = leaves(0.7, -1.3, 0.4)
    between, result = expression(*nodes)
    torch_between, torch_result = expression(*tensors)
    for tensor in torch_between:
        tensor.retain_grad()
    result.backward()
    torch_result.backward()
    assert grads(nodes + between) == pytest.approx(grads(tensors + torch_between), rel=1e-12)
    assert result.grad == 1.0


def test_a_second_backward_accumulates_on_the_leaves_as_torch_does():
    nodes, tensors = leaves(0.7, -1.3, 0.4)
    _, result = expression(*nodes)
    _, torch_result = expression(*tensors)
    for _ in range(3):
        result.backward()
        torch_result.backward(retain_graph=True)
        assert grads(nodes) == pytest.approx(grads(tensors), rel=1e-12)


def test_two_results_that_share_a_part():
    nodes, tensors = leaves(0.7, -1.3, 0.4)
    for (d, e, f), g in (expression(*nodes), expression(*tensors)):
        first, second = g * e, f + d
        for result in (first, second, first):
            result.backward(**({} if isinstance(result, Value) else {"retain_graph": True}))
    assert grads(nodes) == pytest.approx(grads(tensors), rel=1e-12)


def test_a_result_that_is_part_of_another_result():
    (a,), (ta,) = leaves(0.7)
    for x, keep in ((a, {}), (ta, {"retain_graph": True})):
        inner = x * x
        outer = inner * x
        outer.backward(**keep)
        inner.backward(**keep)
        outer.backward(**keep)
    assert a.grad == pytest.approx(ta.grad.item(), rel=1e-12)


def test_a_leaf_is_its_own_result():
    a = Value(2.0)
    a.backward()
    a.backward()
    assert a.grad == 2.0


def test_topological_order_puts_children_first_and_leaves_out_leaves():
    a = Value(2.0)
    b = a * a
    c = b + a
    d = c * b
    assert topological_order(d) == [b, c, d]
    assert topological_order(a) == [a]


def test_a_ladder_of_diamonds_visits_each_node_once():
    x = root = Value(1.0)
    for _ in range(60):  # 2**60 paths
        x = x + x
    x.backward()
    assert root.grad == 2.0**60


def test_a_chain_of_a_million_nodes_goes_backward_and_away():
    gc.disable()  # what else this process has loaded would be searched for garbage again and again
    try:
        leaf = node = Value(2.0)
        for _ in range(1_000_000):
            node = -node
        node.backward()
        assert leaf.grad == 1.0
        held = sys.getrefcount(leaf)
        del node  # a recursive deallocation would overflow the C stack here
        assert sys.getrefcount(leaf) == held - 1
    finally:
        gc.enable()


def test_an_integer_beyond_floats_is_named():
    with pytest.raises(OverflowError, match=r"\+: 100000000000… is too large for a float"):
        Value(2.0) + 10**400


@pytest.mark.parametrize(
    ("x", "n", "slope"), [(1e-300, -1, -math.inf), (-1e-300, -1, -math.inf), (-1e-150, -2, math.inf)]
)
def test_a_slope_beyond_floats_is_infinite(x, n, slope):
    a = Value(x)
    (a**n).backward()
    assert a.grad == slope
