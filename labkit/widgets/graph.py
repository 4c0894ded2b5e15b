"""The steppable autograd graph: an expression of Values, forward and backward, one operation at a time."""

import math
import operator
from collections.abc import Callable, Mapping
from typing import Any

import traitlets as t

from labkit.scalar import Value
from labkit.scalar.check import STEP

from .figure import Figure

OPERATIONS: dict[str, Callable[..., Value]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "**": operator.pow,
    "neg": operator.neg,
    "relu": Value.relu,
    "exp": Value.exp,
    "log": Value.log,
    "tanh": Value.tanh,
}
"""The operations that can be computed again from a node's `op`; graph.js knows the same ones."""


def evaluation_order(root: Value) -> list[Value]:
    """Every node of the expression, leaves too, children before parents, in the order of computing."""
    order: list[Value] = []
    seen: set[Value] = set()
    stack: list[tuple[Value, bool]] = [(root, False)]
    while stack:
        node, ready = stack.pop()
        if ready:
            order.append(node)
        elif node not in seen:
            seen.add(node)
            stack.append((node, True))
            stack += [(child, False) for child in reversed(node.children)]
    return order


def recompute(nodes: list[Value], change: Value, data: float) -> float:
    """The result (the last of `nodes`) if the node `change` had the value `data`.

    Raises:
        KeyError: if an operation on the way is not one of `OPERATIONS`.
    """
    new: dict[Value, float] = {}
    for node in nodes:
        if node is change:
            new[node] = data
        elif any(child in new for child in node.children):
            arguments = [Value(new.get(child, child.data)) for child in node.children]
            if node.op.startswith("**") and node.op != "**":
                new[node] = (arguments[0] ** float(node.op[2:])).data
            else:
                new[node] = OPERATIONS[node.op](*arguments).data
    return new.get(nodes[-1], nodes[-1].data)


def numeric_node_gradient(nodes: list[Value], node: Value) -> float | None:
    """d(result)/d(node) by a central difference on the graph; None where it cannot be measured."""
    h = STEP * max(1.0, abs(node.data))
    try:
        return (recompute(nodes, node, node.data + h) - recompute(nodes, node, node.data - h)) / (2 * h)
    except (KeyError, ValueError, ArithmeticError):  # an unknown operation, or the edge of a domain
        return None


def places(nodes: list[Value]) -> dict[Value, tuple[int, float]]:
    """(column, row) of each node: a parent right of its children, few crossings.

    A leaf stands just left of its first parent. Rows follow the mean row of the children.
    """
    column: dict[Value, int] = {}
    for node in nodes:
        column[node] = 1 + max((column[child] for child in node.children), default=-1)
    parents: dict[Value, list[Value]] = {node: [] for node in nodes}
    for node in nodes:
        for child in node.children:
            parents[child].append(node)
    for node in nodes:
        if not node.children and parents[node]:
            column[node] = min(column[parent] for parent in parents[node]) - 1
    place: dict[Value, tuple[int, float]] = {}
    tallest = max(sum(1 for n in nodes if column[n] == c) for c in column.values())
    for c in range(max(column.values()) + 1):
        members = [node for node in nodes if column[node] == c]

        def wish(node: Value) -> float:
            rows = [place[child][1] for child in node.children if child in place]
            return sum(rows) / len(rows) if rows else nodes.index(node)

        if c:
            members.sort(key=wish)
        start = (tallest - len(members)) / 2
        for i, node in enumerate(members):
            place[node] = (c, start + i)
    return place


class GraphStepper(Figure):
    """Step through an expression: values forward, then gradients backward; drag the inputs.

    Each node shows its value, the gradient that `backward` gave it, and the same gradient measured
    by a central difference. In JupyterLab the kernel computes every change with `Value`; in a page
    the figure's own module does.

    >>> stepper = GraphStepper(lambda a, b: a * b + a**2, a=2.0, b=3.0)
    >>> stepper.gradients
    {'a': 7.0, 'b': 2.0}

    Args:
        expression: takes the inputs by name as Values and returns a Value.
        ranges: name -> (low, high) of an input's slider; ±5 around zero when left out.
        title: the expression as text, for the caption.
        inputs: the inputs' values.

    Raises:
        TypeError: if the expression does not return a Value.
        ValueError: if there is no input, or the graph has more than `max_nodes` nodes.
    """

    module = "graph"
    page_traits = ("nodes", "inputs", "ranges", "title", "position", "error")
    max_nodes = 60

    nodes = t.List(t.Dict()).tag(sync=True)
    inputs = t.Dict().tag(sync=True)
    ranges = t.Dict().tag(sync=True)
    title = t.Unicode().tag(sync=True)
    position = t.Int(-1).tag(sync=True)
    """Which step is shown; -1 is the last one."""
    error = t.Unicode().tag(sync=True)

    def __init__(
        self,
        expression: Callable[..., Value],
        ranges: Mapping[str, tuple[float, float]] | None = None,
        title: str = "",
        **inputs: float,
    ) -> None:
        if not inputs:
            raise ValueError("GraphStepper: name at least one input, such as a=2.0")
        self._expression = expression
        nodes = self._trace(inputs)
        low_high = {name: list((ranges or {}).get(name, (min(-5.0, x), max(5.0, x)))) for name, x in inputs.items()}
        super().__init__(nodes=nodes, inputs=dict(inputs), ranges=low_high, title=title)
        self.observe(self._recompute, "inputs")

    def _trace(self, inputs: Mapping[str, float]) -> list[dict[str, Any]]:
        leaves = {name: Value(x) for name, x in inputs.items()}
        result = self._expression(**leaves)
        if not isinstance(result, Value):
            raise TypeError(f"GraphStepper: the expression must return a Value, got {result!r}")
        result.backward()
        nodes = evaluation_order(result)
        if len(nodes) > self.max_nodes:
            raise ValueError(f"GraphStepper: {len(nodes)} nodes are too many to see; {self.max_nodes} at most")
        names = {leaf: name for name, leaf in leaves.items()}
        number = {node: i for i, node in enumerate(nodes)}
        where = places(nodes)
        return [
            {
                "op": node.op,
                "input": names.get(node, ""),
                "children": [number[child] for child in node.children],
                "local": [_shown(g) for g in node.local_grads],
                "data": _shown(node.data),
                "grad": _shown(node.grad),
                "numeric": _shown(numeric_node_gradient(nodes, node), digits=6),
                "column": where[node][0],
                "row": where[node][1],
            }
            for node in nodes
        ]

    def _recompute(self, change: dict[str, Any]) -> None:
        try:
            self.nodes = self._trace(change["new"])
            self.error = ""
        except (ValueError, ArithmeticError, TypeError) as error:  # log of a negative input, say: the last graph stays
            self.error = str(error)

    @property
    def gradients(self) -> dict[str, float]:
        """The gradient of the result with respect to each input; 0 where it does not depend on it."""
        found = {node["input"]: float(node["grad"]) for node in self.nodes if node["input"]}
        return {name: found.get(name, 0.0) for name in self.inputs}

    def caption(self) -> str:
        """The expression, its value and its gradients."""
        # From the nodes: after an error they are the last graph that could be computed.
        values = ", ".join(f"{node['input']} = {_text(node['data'])}" for node in self.nodes if node["input"])
        slopes = ", ".join(f"d/d{name} = {_text(slope)}" for name, slope in self.gradients.items())
        return f"{self.title or 'The expression'} at {values} is {_text(self.nodes[-1]['data'])}; {slopes}."


def _text(x: float | str | None) -> str:
    return f"{float(x):.4g}" if x is not None else "unknown"


def _shown(x: float | None, digits: int = 10) -> float | str | None:
    """`digits` significant digits: more than a figure shows, fewer than differ between machines."""
    if x is None or math.isfinite(x):
        return None if x is None else float(f"{x:.{digits}g}")
    return str(x)  # "inf", "-inf", "nan": JSON has no such numbers
