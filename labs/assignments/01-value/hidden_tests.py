"""The hidden tests of assignment 1, one per graded function; labkit.grading.assignment.grade runs them.

Each gets the learner's function and the notebook's namespace, and takes only `Node` from the latter:
a graph is built by hand or from labkit.scalar, never with another of the learner's functions, so
that one mistake loses one function's points. Messages are for the learner.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from labkit.grading.assignment import WrongAnswerError, agree, attempt, compare
from labkit.scalar import Value

Namespace = Mapping[str, Any]
CHAIN = 100_000


def test_mul(mul: Callable[..., Any], namespace: Namespace) -> None:
    """Products of every sign, with zero, and of a node with itself."""
    rng = random.Random(1)
    pairs = [(3.0, -2.0), (0.0, 5.0), (-1.5, 0.0)] + [(_number(rng), _number(rng)) for _ in range(20)]
    for x, y in pairs:
        a, b = _node(namespace, x), _node(namespace, y)
        call = f"mul(Node({x}), Node({y}))"
        result = _result(call, mul, a, b)
        reference = Value(x) * Value(y)
        compare(
            f"{call}.data",
            result.data,
            reference.data,
            "it is the product of the two numbers.",
        )
        _same_children(call, result, [a, b])
        compare(
            f"{call}.local_grads",
            result.local_grads,
            list(reference.local_grads),
            "d(ab)/da is b and d(ab)/db is a: each child's slope is the other's number.",
        )
    a = _node(namespace, 7.0)
    result = _result("mul(a, a) with a = Node(7.0)", mul, a, a)
    compare(
        "mul(a, a), the slope to a over both children",
        _slope(result, a),
        14.0,
        "a is a child twice: 7 from each side.",
    )


def test_power(power: Callable[..., Any], namespace: Namespace) -> None:
    """Positive, negative, fractional and zero exponents; a zero and negative bases."""
    rng = random.Random(2)
    cases = [
        (3.0, 2),
        (3.0, 1),
        (-2.0, 3),
        (2.0, -1),
        (-4.0, -2),
        (9.0, 0.5),
        (5.0, 0),
        (0.0, 0),
        (0.0, 1),
        (0.0, 3),
    ]
    cases += [(abs(_number(rng)) + 0.5, round(rng.uniform(-3, 3), 2)) for _ in range(20)]
    for x, n in cases:
        a = _node(namespace, x)
        call = f"power(Node({x}), {n})"
        result = _result(call, power, a, n)
        reference = Value(x) ** n
        compare(
            f"{call}.data",
            result.data,
            reference.data,
            "it is the number to the power n.",
        )
        _same_children(call, result, [a])
        why = "a constant (x**0 is 1 everywhere) has slope 0." if n == 0 else "d(x**n)/dx is n * x**(n - 1)."
        compare(
            f"{call}.local_grads",
            result.local_grads,
            list(reference.local_grads),
            why,
        )


def test_reversed_div(reversed_div: Callable[..., Any], namespace: Namespace) -> None:
    """The value and the slope of number / node; the number may be a child or not."""
    rng = random.Random(3)
    cases = [(1.0, 2.0), (6, 3.0), (0, 4.0), (-5.0, 0.5), (2.0, -8.0)]
    cases += [(_number(rng), rng.choice([-1, 1]) * (abs(_number(rng)) + 0.1)) for _ in range(20)]
    for number, x in cases:
        node = _node(namespace, x)
        call = f"reversed_div({number}, Node({x:.4g}))"
        result = _result(call, reversed_div, number, node)
        reference = number / Value(x)
        if x != number and number and agree(result.data, x / number):
            raise WrongAnswerError(f"{call}.data\n    this is node / number; the question is number / node.")
        compare(
            f"{call}.data",
            result.data,
            reference.data,
            "it is number / node.data.",
        )
        if not any(child is node for child in result.children):
            raise WrongAnswerError(
                f"{call}.children\n    the node itself is not among them, so no gradient would reach it."
            )
        compare(
            f"{call}, the slope to the node",
            _slope(result, node),
            reference.local_grads[1],
            "d(c/x)/dx is -c / x**2: it falls where c is positive, so mind the sign and the square.",
        )


def test_topological_order(topological_order: Callable[..., Any], namespace: Namespace) -> None:
    """Leaf, chain, shared nodes, random graphs, a ladder with 2**40 paths, a very long chain."""
    leaf = _node(namespace, 1.0)
    _check_order("a single leaf", topological_order, leaf, 1)
    rng = random.Random(4)
    for size in (2, 3, 5, 8, 13, 40):
        nodes = _random_graph(lambda *parts: _node(namespace, *parts), rng, size)
        _check_order(
            f"a graph of {size} nodes, some shared",
            topological_order,
            nodes[-1],
            size,
        )
    ladder = leaf
    for _ in range(40):
        ladder = _node(namespace, 1.0, (ladder, ladder), (1.0, 1.0))
    _check_order(
        "a ladder of 41 nodes, where each is the child of the next twice",
        topological_order,
        ladder,
        41,
    )
    chain = leaf
    for _ in range(CHAIN - 1):
        chain = _node(namespace, 1.0, (chain,), (1.0,))
    _check_order(f"a chain of {CHAIN:,} nodes", topological_order, chain, CHAIN)


def test_backward(backward: Callable[..., Any], namespace: Namespace) -> None:
    """One node, shared nodes, one to four children: the gradients that labkit.scalar finds."""
    only = _node(namespace, 4.0)
    attempt("backward([only])", backward, [only])
    compare(
        "backward([only]), then only.grad",
        only.grad,
        1.0,
        "the last node starts with 1.",
    )
    rng = random.Random(5)
    for size in (2, 3, 5, 8, 13, 40):
        seed = rng.random()
        nodes = _random_graph(lambda *parts: _node(namespace, *parts), random.Random(seed), size)
        values = _random_graph(Value, random.Random(seed), size)
        values[-1].backward()
        graph = _picture(nodes) if size <= 5 else f"a graph of {size} nodes"
        attempt(f"backward(order) for {graph}", backward, list(nodes))
        # From the result back, so that the first wrong one is where it went wrong.
        for place, (node, value) in reversed(list(enumerate(zip(nodes, values, strict=True)))):
            uses = sum(child is node for parent in nodes for child in parent.children)
            why = (
                f"it is a child {uses} times; what comes from each is added, and passed on when all of it is there."
                if uses > 1
                else "local gradient times the gradient of the parent, from the result back to the inputs."
            )
            compare(f"the grad of n{place} in {graph}", node.grad, value.grad, why)


def test_numeric_gradient(numeric_gradient: Callable[..., Any], namespace: Namespace) -> None:
    """Large steps, where central, forward and wrongly divided differences are far apart."""
    del namespace  # no nodes here
    rng = random.Random(6)
    for _ in range(10):
        a, b, c, x, y = (_number(rng) for _ in range(5))
        for h in (0.5, 0.01):
            call = f"numeric_gradient(f, [{x}, {y}], h={h}) with f(x, y) = {a}*x**2 + {b}*x*y + {c}*y"
            point = [x, y]
            got = attempt(call, numeric_gradient, _quadratic(a, b, c), point, h)
            compare(
                "the inputs after numeric_gradient",
                point,
                [x, y],
                "the caller's list must come back as it was.",
            )
            exact = [2 * a * x + b * y, b * x + c]
            if agree(got, [2 * slope for slope in exact], 1e-6):
                raise WrongAnswerError(f"{call}\n    twice too large: x + h and x - h are 2 * h apart.")
            if agree(got, [exact[0] + a * h, exact[1]], 1e-6):
                raise WrongAnswerError(
                    f"{call}\n    off by {abs(a * h):g}: this is one-sided; measure at x + h and x - h."
                )
            why = "a central difference is exact for this f, whatever h is; move one input at a time."
            compare(call, got, exact, why, tolerance=1e-6)
    got = attempt(
        "numeric_gradient(f, [2.0]) with f(x) = x**3",
        numeric_gradient,
        lambda x: x**3,
        [2.0],
    )
    compare(
        "numeric_gradient(f, [2.0]) with f(x) = x**3",
        got,
        [12.0],
        "d(x**3)/dx is 3 * x**2.",
        tolerance=1e-6,
    )
    got = attempt(
        "numeric_gradient(f, []) with f() = 1",
        numeric_gradient,
        lambda: 1.0,
        [],
    )
    compare(
        "numeric_gradient(f, []) with f() = 1",
        got,
        [],
        "no inputs, no derivatives.",
    )


def _number(rng: random.Random) -> float:
    return round(rng.uniform(-5, 5), 2)


def _node(namespace: Namespace, *parts: Any) -> Any:
    if "Node" not in namespace:
        raise WrongAnswerError("Node is not defined: the cell near the top that defines it is missing.")
    return namespace["Node"](*parts)


def _result(call: str, function: Callable[..., Any], *arguments: Any) -> Any:
    """What the function returned, once it is sure to be a node."""
    result = attempt(call, function, *arguments)
    if result is None:
        raise WrongAnswerError(f"{call}\n    returned None: is the `return` missing?")
    if not all(hasattr(result, field) for field in ("data", "children", "local_grads")):
        raise WrongAnswerError(f"{call}\n    returned {result!r} ({type(result).__name__}); a Node is needed.")
    if len(result.children) != len(result.local_grads):
        counts = f"{len(result.children)} children and {len(result.local_grads)} local_grads"
        raise WrongAnswerError(f"{call}\n    {counts}: one each is needed.")
    return result


def _same_children(call: str, result: Any, expected: Sequence[Any]) -> None:
    """The children are these very nodes: a copy would get the gradient in their place."""
    children = list(result.children)
    if len(children) != len(expected) or any(c is not e for c, e in zip(children, expected, strict=True)):
        raise WrongAnswerError(
            f"{call}.children\n    expected: {list(expected)}, these very nodes\n    got:      {children}"
        )


def _slope(result: Any, node: Any) -> float:
    """d(result)/d(node), over all the places where the node is a child."""
    return sum(slope for child, slope in zip(result.children, result.local_grads, strict=True) if child is node)


def _random_graph(make: Callable[..., Any], rng: random.Random, size: int) -> list[Any]:
    """`size` nodes, children first, each (but the last) a child of a later one; the same for any `make`."""
    nodes = [make(1.0)]
    for place in range(1, size):
        # The node before is always a child, so that the last one is the root of all.
        children = [nodes[-1]] + [rng.choice(nodes) for _ in range(rng.randrange(4) if place > 1 else 0)]
        rng.shuffle(children)
        nodes.append(
            make(
                1.0,
                tuple(children),
                tuple(round(rng.uniform(-1, 1), 2) for _ in children),
            )
        )
    return nodes


def _picture(nodes: Sequence[Any]) -> str:
    """A graph as text: "[n0, n1 = 0.5*n0, n2 = ...]", each child with its local gradient."""
    names = {id(node): f"n{place}" for place, node in enumerate(nodes)}
    texts = []
    for node in nodes:
        terms = [f"{slope}*{names[id(child)]}" for child, slope in zip(node.children, node.local_grads, strict=True)]
        texts.append(names[id(node)] + (f" = {' + '.join(terms)}" if terms else ""))
    return f"[{', '.join(texts)}]"


def _check_order(graph: str, topological_order: Callable[..., Any], root: Any, size: int) -> None:
    call = f"topological_order(root) of {graph}"
    hint = "An explicit stack (a list) has no limit; nested calls have one, near 1,000." if size == CHAIN else ""
    order = attempt(call, topological_order, root, hint=hint)
    if not isinstance(order, Sequence):
        raise WrongAnswerError(f"{call}\n    returned {type(order).__name__}; a list of nodes is needed.")
    if len(order) != size:
        repeats = len(order) - len({id(node) for node in order})
        likely = (
            "some come more than once; keep a set of what was seen"
            if repeats
            else "are the leaves in it, and the root?"
        )
        raise WrongAnswerError(
            f"{call}\n    expected: {size} nodes\n    got:      {len(order)}\n    likely:   {likely}"
        )
    place = {id(node): i for i, node in enumerate(order)}
    if order[-1] is not root:
        raise WrongAnswerError(f"{call}\n    the root is not the last one; every child comes before its parents.")
    for node in order:
        for child in node.children:
            if place.get(id(child), size) >= place[id(node)]:
                raise WrongAnswerError(
                    f"{call}\n    a child comes after its parent; all children have to be in the list first."
                )


def _quadratic(a: float, b: float, c: float) -> Callable[[float, float], float]:
    def f(x: float, y: float) -> float:
        return a * x**2 + b * x * y + c * y

    return f
