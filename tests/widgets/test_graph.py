import doctest
import json
import math

import pytest
import torch

from labkit.scalar import Value
from labkit.widgets import GraphStepper, graph

EXPRESSIONS = {
    "a*b + a**2": lambda a, b: a * b + a**2,
    "shared": lambda a, b: (a * b).tanh() * (a * b + 1) - a / b,
    "log and exp": lambda a, b: (a.exp() + b.exp()).log(),
    "power": lambda a, b: a**b + 2**a - (-b) ** 3,
    "relu": lambda a, b: (a - b).relu() + (b - a).relu() * 3,
}


def torch_gradients(expression, **inputs):
    tensors = {name: torch.tensor(x, dtype=torch.float64, requires_grad=True) for name, x in inputs.items()}
    result = expression(**tensors)
    result.backward()
    return result.item(), {name: tensor.grad.item() for name, tensor in tensors.items()}


def test_docstring():
    results = doctest.testmod(graph)
    assert (results.attempted > 0, results.failed) == (True, 0)


@pytest.mark.parametrize("expression", EXPRESSIONS.values(), ids=EXPRESSIONS)
def test_values_and_gradients_match_torch(expression):
    stepper = GraphStepper(expression, a=2.0, b=3.0)
    value, gradients = torch_gradients(expression, a=2.0, b=3.0)
    assert stepper.nodes[-1]["data"] == pytest.approx(value, rel=1e-9)
    assert stepper.gradients == pytest.approx(gradients, rel=1e-9)


@pytest.mark.parametrize("expression", EXPRESSIONS.values(), ids=EXPRESSIONS)
def test_the_measured_gradient_of_every_node_agrees(expression):
    for node in GraphStepper(expression, a=2.0, b=3.0).nodes:
        assert node["numeric"] == pytest.approx(node["grad"], rel=1e-5, abs=1e-8)


def test_nodes_come_children_first_with_one_local_gradient_each():
    nodes = GraphStepper(EXPRESSIONS["shared"], a=2.0, b=3.0).nodes
    for i, node in enumerate(nodes):
        assert all(child < i for child in node["children"])
        assert len(node["local"]) == len(node["children"])
        assert all(nodes[child]["column"] < node["column"] for child in node["children"])
    assert [n["input"] for n in nodes if n["input"]] == ["a", "b"]
    assert len({(n["column"], n["row"]) for n in nodes}) == len(nodes)  # no two in one place


def test_turning_an_input_computes_anew():
    expression = EXPRESSIONS["shared"]
    stepper = GraphStepper(expression, a=2.0, b=3.0)
    stepper.inputs = {"a": -1.5, "b": 0.5}
    value, gradients = torch_gradients(expression, a=-1.5, b=0.5)
    assert stepper.nodes[-1]["data"] == pytest.approx(value, rel=1e-9)
    assert stepper.gradients == pytest.approx(gradients, rel=1e-9)


@pytest.mark.parametrize(
    ("expression", "a", "words"),
    [
        (lambda a: a.log(), -1.0, "log(-1.0)"),
        (lambda a: 1 / a, 0.0, "division by zero"),
        (lambda a: a.exp(), 1000.0, "exp(1000.0)"),
    ],
)
def test_outside_the_domain_the_last_graph_stays_with_the_reason(expression, a, words):
    stepper = GraphStepper(expression, a=2.0)
    nodes = stepper.nodes
    stepper.inputs = {"a": a}
    assert words in stepper.error
    assert stepper.nodes == nodes
    stepper.inputs = {"a": 3.0}
    assert stepper.error == ""
    assert stepper.nodes != nodes


def test_a_node_of_an_operation_of_your_own_is_shown_without_measuring_through_it():
    def cube(x):
        return Value(x.data**3, (x,), (3 * x.data**2,), "cube")

    nodes = GraphStepper(lambda a: cube(a) * 2, a=2.0).nodes
    by_op = {node["op"] or node["input"] or "constant": node for node in nodes}
    assert (by_op["a"]["grad"], by_op["a"]["numeric"]) == (24.0, None)
    assert by_op["cube"]["numeric"] == pytest.approx(2)


def test_an_input_without_influence_has_gradient_zero():
    stepper = GraphStepper(lambda a, b: a * 2, a=1.0, b=1.0)
    assert stepper.gradients == {"a": 2.0, "b": 0.0}


def test_what_json_cannot_hold_is_written_as_text():
    nodes = GraphStepper(lambda a: a * 1e308 * 10, a=2.0).nodes
    assert nodes[-1]["data"] == "inf"
    json.dumps(nodes, allow_nan=False)


def test_errors():
    with pytest.raises(ValueError, match="name at least one input"):
        GraphStepper(lambda: Value(1.0))
    with pytest.raises(TypeError, match="must return a Value, got 1"):
        GraphStepper(lambda a: 1, a=2.0)
    with pytest.raises(ValueError, match="nodes are too many to see; 60 at most"):
        GraphStepper(lambda a: sum((a for _ in range(70)), Value(0.0)), a=2.0)


def test_ranges_hold_the_inputs():
    stepper = GraphStepper(lambda a, b: a * b, ranges={"b": (0, 1)}, a=7.0, b=0.5)
    assert stepper.ranges == {"a": [-5.0, 7.0], "b": [0, 1]}


def test_the_caption_says_value_and_gradients():
    stepper = GraphStepper(EXPRESSIONS["a*b + a**2"], title="ab + a²", a=2.0, b=3.0)
    assert stepper.caption() == "ab + a² at a = 2, b = 3 is 10; d/da = 7, d/db = 2."


def test_a_long_chain_does_not_recurse():
    root = Value(1.0)
    for _ in range(5000):
        root = -root
    assert len(graph.evaluation_order(root)) == 5001
    assert math.isclose(graph.recompute(graph.evaluation_order(root), root, 3.0), 3.0)


def test_an_infinite_slope_is_told_in_words():
    stepper = GraphStepper(lambda a: a**0.5, a=0.0, title="√a")
    assert stepper.caption() == "√a at a = 0 is 0; d/da = inf."
    assert "</figure>" in stepper.page_html()


def test_after_an_error_the_caption_is_about_the_graph_that_stands():
    stepper = GraphStepper(lambda a: a.log(), a=1.0, title="log a")
    stepper.inputs = {"a": -1.0}
    assert stepper.caption() == "log a at a = 1 is 0; d/da = 1."
