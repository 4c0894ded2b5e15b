"""The hidden tests of assignment 2, one per graded function; labkit.grading.assignment.grade runs them.

Each gets the learner's function and the notebook's namespace. Later functions call earlier ones; so,
while one is tested, right ones stand in for the others, and one mistake loses one function's points.
Messages are for the learner.
"""

import math
import random
from collections.abc import Callable, Iterator, MutableMapping, Sequence
from contextlib import contextmanager
from typing import Any

from labkit.grading.assignment import WrongAnswerError, agree, attempt, compare, standing_in
from labkit.grading.hidden import Likely, other_than
from labkit.scalar import Value, ops

Namespace = MutableMapping[str, Any]
Numbers = list[float]
Matrix = list[Numbers]


def test_softmax(softmax: Callable[..., Any], namespace: Namespace) -> None:
    """One to eight logits, gradients of every output; ±1000 and more, far apart and close together."""
    del namespace  # nothing of it is needed
    rng = random.Random(1)
    cases = [[0.0, 0.0], [1.0, 2.0, 3.0], [-3.5]] + [_vector(rng, n) for n in (2, 3, 4, 5, 8)]
    cases += [[1000.0, 1000.0, 999.0], [1000.0, 990.0], [-1000.0, -1001.0], [1000.0, -1000.0], [1e6, 0.0, -1e6]]
    for z in cases:
        call = f"softmax({z})"
        logits = _nodes(z)
        with _package_refuses():
            hint = "exp overflows above 709: take the largest logit from all of them first; no quotient changes."
            got = _list(call, attempt(call, softmax, logits, hint=hint), len(z))
        leaves = _nodes(z)
        expected = ops.softmax(leaves)
        compare(f"the logits after {call}", ops.numbers(logits), z, "the logits must stay as they were.")
        p = ops.numbers(got)
        if not agree(sum(p), 1.0):
            raise WrongAnswerError(f"{call}\n    these add up to {sum(p):g}: divide by the sum of all the powers.")
        _expect(call, p, ops.numbers(expected), "it is exp(z) over the sum of all exp(z), however large the logits.")
        weights = _vector(rng, len(z))
        _same_gradients(
            f"{call}, the gradient of {_weighted_text(weights, 'p')}",
            _gradients(got, weights, {"the logits": logits}),
            _gradients(expected, weights, {"the logits": leaves}),
            "each probability depends on all logits: the sum that it is divided by is made of nodes too.",
        )


def test_attention(attention: Callable[..., Any], namespace: Namespace) -> None:
    """One to five tokens, widths 1 to 9, values wider or narrower than keys, scores in the thousands."""
    rng = random.Random(2)
    cases = [
        (_vector(rng, d), [_vector(rng, d) for _ in range(n)], [_vector(rng, width) for _ in range(n)])
        for n, d, width in ((2, 4, 4), (1, 4, 3), (3, 2, 2), (4, 9, 5), (5, 1, 2))
    ]
    cases.append(([1000.0, 0.0], [[2.0, 1.0], [-2.0, 1.0]], [[1.0], [5.0]]))
    for query, keys, values in cases:
        call = f"attention({query}, keys={keys}, values={values})"
        with standing_in(namespace, softmax=_softmax):
            parts = _nodes(query), _matrix(keys), _matrix(values)
            hint = "scores may be large: your softmax of exercise 1 can take them."
            got = _list(call, attempt(call, attention, *parts, hint=hint), len(values[0]))
        reference = _nodes(query), _matrix(keys), _matrix(values)
        expected = _attention(*reference)
        d = len(query)
        likely = [
            (ops.numbers(_attention(*reference, scale=1.0)), "the scores are not divided by the square root of d."),
            (ops.numbers(_attention(*reference, scale=1 / d)), "the scores are divided by d, not by its square root."),
            (_mixed([sum(map(_product, query, key)) * d**-0.5 for key in keys], values), "no softmax of the scores."),
            (
                ops.numbers(_attention(*reference[:2], reference[1])),
                "these are the keys, mixed, not the values.",
            ),
        ]
        why = "it is the values, weighted by the softmax (over the tokens) of query · key / sqrt(d)."
        _expect(call, ops.numbers(got), ops.numbers(expected), why, likely)
        weights, names = _vector(rng, len(got)), ("query", "keys", "values")
        _same_gradients(
            f"{call}, the gradient of {_weighted_text(weights, 'out')}",
            _gradients(got, weights, dict(zip(names, parts, strict=True))),
            _gradients(expected, weights, dict(zip(names, reference, strict=True))),
            "the query and the keys get theirs through the softmax, the values through the weighted sum.",
        )


def test_cached_attention(cached_attention: Callable[..., Any], namespace: Namespace) -> None:
    """The same tokens at once, one by one and in pieces: outputs, caches, and gradients across the calls."""
    rng = random.Random(3)
    for pieces, n_in, d, width in (((3,), 4, 4, 4), ((1, 1, 1), 3, 2, 2), ((2, 1, 3), 4, 3, 5), ((1,), 2, 1, 1)):
        tokens = [_vector(rng, n_in) for _ in range(sum(pieces))]
        matrices = [[_vector(rng, n_in) for _ in range(rows)] for rows in (d, d, width)]
        xs, weights = _matrix(tokens), [_matrix(rows) for rows in matrices]
        keys: list[list[Value]] = []
        values: list[list[Value]] = []
        got: list[Value] = []
        seen = 0
        for number, size in enumerate(pieces, start=1):
            call = f"cached_attention(xs, …), call {number} of {len(pieces)}, {size} new and {seen} cached tokens"
            with standing_in(namespace, softmax=_softmax, attention=_attention):
                hint = "the first token has to see itself: append its key and its value first, then attend."
                arguments = xs[seen : seen + size], *weights, keys, values
                result = attempt(call, cached_attention, *arguments, hint=hint if seen == 0 else "")
            seen += size
            new: list[Value] = []
            for row in _list(call, result, size, of=list):
                new += _list(f"{call}, one output", row, width)
            _check_cache(call, "keys", keys, matrices[1], tokens[:seen])
            _check_cache(call, "values", values, matrices[2], tokens[:seen])
            parts = _matrix(tokens[:seen]), [_matrix(rows) for rows in matrices], seen - size
            likely = [
                (
                    ops.numbers(_causal(*parts, sees=lambda place, all_of_them=seen: all_of_them)),
                    "a token sees tokens that come after it: attend before the next one is appended.",
                ),
                (
                    ops.numbers(_causal(*parts, sees=lambda place: place or 1)),
                    "a token does not see itself: append its key and its value first, then attend.",
                ),
            ]
            why = "each token attends to all cached tokens and to itself, and to nothing later."
            _expect(f"{call}, the outputs", ops.numbers(new), ops.numbers(_causal(*parts)), why, likely)
            got += new
        leaves = [_matrix(rows) for rows in (tokens, *matrices)]
        reference = _causal(leaves[0], leaves[1:])
        mix, names = _vector(rng, len(got)), ("xs", "wq", "wk", "wv")
        _same_gradients(
            f"cached_attention of {seen} tokens, so many a call: {list(pieces)}; the gradient of a sum of all outputs",
            _gradients(got, mix, dict(zip(names, (xs, *weights), strict=True))),
            _gradients(reference, mix, dict(zip(names, leaves, strict=True))),
            "the caches hold nodes, not numbers: a later output reaches xs, wk and wv through earlier keys and values.",
        )


def test_cross_entropy(cross_entropy: Callable[..., Any], namespace: Namespace) -> None:
    """One to six tokens, gradients; sure and right, sure and wrong by thousands."""
    rng = random.Random(4)
    cases = [([_vector(rng, n) for _ in range(t)], [rng.randrange(n) for _ in range(t)]) for t, n in ((2, 3), (6, 4))]
    cases += [([[0.0] * 5], [4]), ([_vector(rng, 2)], [0]), ([[7.5]], [0])]
    cases += [([[1000.0, 0.0]], [0]), ([[1000.0, 0.0, -1000.0], [0.0, 0.0, 0.0]], [2, 1]), ([[-1000.0, -1001.0]], [1])]
    for rows, targets in cases:
        call = f"cross_entropy({rows}, {targets})"
        logits = _matrix(rows)
        with standing_in(namespace, softmax=_softmax), _package_refuses():
            hint = "-log p is log Σ exp(z - largest) - (z[target] - largest): no exp too large, and no log of 0."
            got = attempt(call, cross_entropy, logits, list(targets), hint=hint)
        if not isinstance(got, Value):
            raise other_than(call, got, "one Value")
        leaves = _matrix(rows)
        losses = [ops.cross_entropy(row, target) for row, target in zip(leaves, targets, strict=True)]
        expected = ops.mean(losses)
        nats = expected.data
        probability = sum(math.exp(-loss.data) for loss in losses) / len(losses)
        likely = [
            (nats * len(rows), f"this is the sum over the {len(rows)} tokens; the mean is needed."),
            (nats / math.log(2), "this is in bits (log to the base 2); nats are needed: the natural logarithm."),
            (-nats, "the sign: the log of a probability is negative, the loss is its opposite."),
            (-math.log(probability or 1.0), "this is the log of the mean probability; take the mean of the logs."),
        ]
        why = "it is the mean of -log p[target], exactly: nothing capped, nothing added to p."
        _expect(call, got.data, nats, why, likely)
        _same_gradients(
            f"{call}, its gradient",
            _gradients([got], [1.0], {"the logits": logits}),
            _gradients([expected], [1.0], {"the logits": leaves}),
            "d(loss)/dz is (p, less 1 at the target) divided by the number of tokens.",
        )


def test_adam_step(adam_step: Callable[..., Any], namespace: Namespace) -> None:
    """Steps from the first on, with changing gradients, zero ones among them; a thousandth step; a large eps."""
    del namespace  # nothing of it is needed
    rng = random.Random(5)
    for first, settings in (
        (1, (0.1, 0.9, 0.999, 1e-8)),
        (1, (0.01, 0.85, 0.99, 1e-8)),
        (1, (0.5, 0.5, 0.25, 0.1)),
        (1000, (0.1, 0.9, 0.95, 1e-3)),
    ):
        params = _nodes(_vector(rng, 3))
        means = [_number(rng) for _ in range(3)] if first > 1 else [0.0] * 3
        squares = [mean * mean + 1 for mean in means] if first > 1 else [0.0] * 3
        m, v = list(means), list(squares)
        for step in range(first, first + 4):
            grads = [_number(rng), _number(rng) / 100, 0.0 if step == first else _number(rng)]
            before = ops.numbers(params)
            for param, grad in zip(params, grads, strict=True):
                param.grad = grad
            call = f"adam_step(params, m, v, {step}, lr={settings[0]}, beta1={settings[1]}, beta2={settings[2]}, "
            call += f"eps={settings[3]}) with params {_rounded(before)}, grads {_rounded(grads)}"
            hint = "step is 1 at the first call, so that 1 - beta**step is never 0."
            attempt(call, adam_step, params, m, v, step, *settings, hint=hint)
            old_means, old_squares = means, squares
            means, squares, expected = _adam(before, means, squares, grads, step, *settings)
            kept = "still what it was; change the caller's list ({0}[i] = …): {0} = […] makes another one."
            beta1, beta2 = settings[1:3]
            corrected = [mean / (1 - beta1**step) for mean in means]
            of_means = [beta2 * b + (1 - beta2) * a * a for a, b in zip(means, old_squares, strict=True)]
            stored = "the corrected mean was stored; correct it for the update alone."
            likely = [(old_means, kept.format("m")), (corrected, stored)]
            _expect(f"{call}, then m", m, means, "m is beta1 * m + (1 - beta1) * grad.", likely)
            likely = [
                (old_squares, kept.format("v")),
                ([square / (1 - beta2**step) for square in squares], stored),
                (of_means, "this is the mean of m * m; the gradient itself is squared."),
            ]
            _expect(f"{call}, then v", v, squares, "v is beta2 * v + (1 - beta2) * grad * grad.", likely)
            parts = [before, old_means, old_squares, grads]
            likely = [
                (before, "nothing moved: write to p.data."),
                (_adam(*parts, math.inf, *settings)[2], "not corrected: divide m by 1 - beta1**step, v likewise."),
                (_adam(*parts, step, *settings, inside=True)[2], "eps is added after the square root, not under it."),
                ([2 * b - e for b, e in zip(before, expected, strict=True)], "uphill: the update is subtracted."),
            ]
            why = "it is p - lr * m̂ / (sqrt(v̂) + eps), with m̂ = m / (1 - beta1**step) and v̂ = v / (1 - beta2**step)."
            _expect(f"{call}, then the parameters", ops.numbers(params), expected, why, likely)
            compare(f"{call}, then the gradients", [p.grad for p in params], grads, "leave p.grad as it is.")


# -- right ones, that stand in for the learner's other functions


def _softmax(logits: Sequence[Value]) -> list[Value]:
    largest = max(z.data for z in logits)
    powers = [(z - largest).exp() for z in logits]
    return [power / sum(powers) for power in powers]


def _attention(
    query: Sequence[Value], keys: Sequence[Any], values: Sequence[Any], scale: float | None = None
) -> list[Value]:
    scale = len(query) ** -0.5 if scale is None else scale
    weights = ops.softmax([ops.dot(query, key, scale) for key in keys])
    return [ops.dot(weights, column) for column in zip(*values, strict=True)]


def _causal(
    xs: Sequence[Any],
    weights: Sequence[Any],
    first: int = 0,
    sees: Callable[[int], int] = lambda place: place + 1,
) -> list[Value]:
    """The outputs of the tokens from `first` on, one after the other; the one at `place` sees so many tokens."""
    queries, keys, values = ([ops.linear(rows, x) for x in xs] for rows in weights)
    return [
        entry
        for place in range(first, len(xs))
        for entry in _attention(queries[place], keys[: sees(place)], values[: sees(place)])
    ]


def _adam(
    params: Numbers,
    m: Numbers,
    v: Numbers,
    grads: Numbers,
    step: float,
    lr: float,
    beta1: float,
    beta2: float,
    eps: float,
    inside: bool = False,
) -> tuple[Numbers, Numbers, Numbers]:
    """The new m, v and params (Kingma & Ba 2015, algorithm 1); at step infinity nothing is corrected."""
    m = [beta1 * a + (1 - beta1) * grad for a, grad in zip(m, grads, strict=True)]
    v = [beta2 * b + (1 - beta2) * grad * grad for b, grad in zip(v, grads, strict=True)]
    c1, c2 = 1 - beta1**step, 1 - beta2**step
    roots = [math.sqrt(b / c2 + eps) if inside else math.sqrt(b / c2) + eps for b in v]
    return m, v, [p - lr * a / c1 / root for p, a, root in zip(params, m, roots, strict=True)]


@contextmanager
def _package_refuses() -> Iterator[None]:
    """labkit.scalar.ops makes no nodes meanwhile: it has the answers to these exercises, under any name."""

    def refuse(*_: Any) -> None:
        raise WrongAnswerError("this calls labkit.scalar.ops; here, write it with Value's own operators.")

    make, ops._node = ops._node, refuse  # type: ignore[assignment]
    try:
        yield
    finally:
        ops._node = make


# -- numbers and nodes


def _number(rng: random.Random) -> float:
    return round(rng.uniform(-2, 2), 2)


def _vector(rng: random.Random, n: int) -> Numbers:
    return [_number(rng) for _ in range(n)]


def _product(a: float, b: float) -> float:
    return a * b


def _mixed(weights: Numbers, values: Matrix) -> Numbers:
    return [sum(map(_product, weights, column)) for column in zip(*values, strict=True)]


def _rounded(numbers: Sequence[float]) -> Numbers:
    return [round(number, 6) for number in numbers]


def _nodes(numbers: Sequence[float]) -> list[Value]:
    return [Value(number) for number in numbers]


def _matrix(rows: Sequence[Sequence[float]]) -> list[list[Value]]:
    return [_nodes(row) for row in rows]


def _flat(parts: Any) -> list[Value]:
    return [parts] if isinstance(parts, Value) else [node for part in parts for node in _flat(part)]


def _gradients(outputs: Sequence[Value], weights: Sequence[float], inputs: dict[str, Any]) -> dict[str, Numbers]:
    """The gradients of the weighted sum of the outputs to each input, a vector or a matrix."""
    leaves = {name: _flat(part) for name, part in inputs.items()}
    for leaf in _flat(list(leaves.values())):
        leaf.grad = 0.0
    total = Value(0.0)
    for output, weight in zip(outputs, weights, strict=True):
        total = total + output * weight
    total.backward()
    return {name: [leaf.grad for leaf in part] for name, part in leaves.items()}


# -- complaints


def _list(call: str, got: Any, length: int, of: type = Value) -> list[Any]:
    """What the function returned, once it is sure to be a list of that length, of Values (or of lists)."""
    wanted = f"a list of {length} " + ("Values" if of is Value else "lists, one per new token,")
    if not isinstance(got, (list, tuple)) or any(not isinstance(entry, of) for entry in got):
        raise other_than(call, got, wanted)
    if len(got) != length:
        raise WrongAnswerError(f"{call}\n    {wanted} is needed, this one has {len(got)}.")
    return list(got)


def _check_cache(call: str, name: str, cache: list[Any], rows: Matrix, tokens: Matrix) -> None:
    """One entry a token, in order; its numbers are the matrix times the token's vector."""
    if len(cache) != len(tokens):
        raise WrongAnswerError(
            f"{call}\n    after it, {name} has {len(cache)} entries for {len(tokens)} tokens; every token is appended, "
            f"once, to the list that was given ({name}.append(…); {name} = … makes another list)."
        )
    for place, (entry, token) in enumerate(zip(cache, tokens, strict=True)):
        got = ops.numbers(_list(f"{call}, then {name}[{place}]", entry, len(rows)))
        why = f"it is w{name[0]} times the vector of token {place}; what was cached stays, new ones go to the end."
        compare(f"{call}, then {name}[{place}]", got, [sum(map(_product, row, token)) for row in rows], why)


def _expect(call: str, got: Any, expected: Any, why: str, likely: Likely = ()) -> None:
    """`compare`, with the sentence about a known mistake when this is the answer that it gives."""
    if not agree(got, expected):
        for answer, sentence in likely:
            if agree(got, answer):
                raise WrongAnswerError(f"{call}\n    {sentence}")
    compare(call, got, expected, why)


def _same_gradients(call: str, got: dict[str, Numbers], expected: dict[str, Numbers], why: str) -> None:
    if any(map(any, expected.values())) and not any(map(any, got.values())):
        raise WrongAnswerError(f"{call}\n    all are 0: computed from numbers (.data), a result has no children.")
    for name, numbers in expected.items():
        compare(f"{call} to {name}", got[name], numbers, why)


def _weighted_text(weights: Numbers, name: str) -> str:
    return " + ".join(f"{weight} * {name}[{i}]" for i, weight in enumerate(weights))
