"""The hidden tests of assignment 3, one per graded function; labkit.grading.assignment.grade runs them.

Each gets the learner's function and the notebook's namespace, and takes only `examine` from the latter.
`diagnose` may call `update_ratio`; so, while it is tested, a right one stands in for the learner's, and one
mistake loses one function's points. Messages are for the learner.
"""

import math
import random
from collections.abc import Callable, Iterator, MutableMapping, Sequence
from contextlib import contextmanager
from numbers import Real
from typing import Any

from labkit.arena import Flops
from labkit.arena import uniqueness as uniqueness_of_the_arena
from labkit.data import load_names
from labkit.grading.assignment import WrongAnswerError, attempt, compare, standing_in
from labkit.grading.hidden import expect, other_than
from labkit.scalar import GameGPT

Namespace = MutableMapping[str, Any]

DEAD, VANISHING, TOO_HIGH, TOO_LOW, HEALTHY = ANSWERS = (
    "dead neurons",
    "vanishing gradients",
    "learning rate too high",
    "learning rate too low",
    "healthy",
)
CONFUSED = {
    (DEAD, VANISHING): "units that put out nothing get no gradient: that is the cause, so ask for silent units first.",
    (DEAD, HEALTHY): "look at the units of every layer: one that is silent is enough.",
    (VANISHING, DEAD): "these units put out very small numbers, not 0: they are not silent.",
    (VANISHING, TOO_HIGH): "the weights are tiny, so that any step is large beside them: ask for the gradients first.",
    (VANISHING, HEALTHY): "look at every matrix by itself: in the whole, the large gradients hide the small ones.",
    (HEALTHY, DEAD): "half of the outputs are 0 in any sound model, and some units are silent at every token of a few "
    "names; it takes more than three quarters of a layer's units.",
    (TOO_LOW, HEALTHY): "this model moves, but not by a thousandth of its weights a step.",
}
"""(what a model has, what the learner says) -> what was likely overlooked."""


def test_training_flops(training_flops: Callable[..., Any], namespace: Namespace) -> None:
    """Widths 1 to 128, 1 to 8 layers, 1 to 64 predictions, by the counts of Kaplan et al. (2020)."""
    del namespace  # nothing of it is needed
    rng = random.Random(1)
    cases = [(1, 1, 2, 1), (16, 1, 27, 1), (16, 1, 27, 7), (8, 3, 27, 5), (32, 2, 74, 64)]
    cases += [(rng.choice([4, 8, 24, 128]), rng.randrange(1, 9), rng.randrange(2, 100), rng.randrange(1, 20))]
    for d, layers, vocabulary, n in cases:
        call = f"training_flops({d}, {layers}, {vocabulary}, {n})"
        with _package_refuses(Flops.forward, Flops.sequence, Flops.training, Flops.sampling):
            got = _number(call, attempt(call, training_flops, d, layers, vocabulary, n))
        seen = n * (n + 1) // 2
        matrices, attention, logits = n * layers * 12 * d * d, 2 * layers * d * seen, n * vocabulary * d
        forward = 2 * (matrices + attention + logits)
        all_params = 12 * layers * d * d + 2 * vocabulary * d
        likely = [
            (forward, "this is the forward pass alone; the backward pass is two more of them."),
            (2 * forward, "this is two forward passes; backward costs two, so a step costs three."),
            (3 * forward // 2, "a multiply-add is two FLOPs: one multiplication and one addition."),
            (
                6 * (matrices + 2 * layers * d * n * n + logits),
                "each token attends to all n; it sees itself and those before, 1 to n of them.",
            ),
            (
                6 * (matrices + 2 * layers * d * (seen - n) + logits),
                "a token sees itself too: at position t there are t + 1 keys.",
            ),
            (
                6 * (matrices + attention // 2 + logits),
                "attention takes two rounds: a dot product with each key, and each value times its weight.",
            ),
            (6 * (matrices + logits), "attention over the cached positions is missing."),
            (6 * (matrices + attention), "the logits are missing: a matrix of vocab_size × n_embd."),
            (6 * (matrices + attention + 2 * logits), "looking up an embedding is no arithmetic: a row is copied."),
            (
                6 * (matrices + attention + layers * logits),
                "the logits are computed once, after the last layer, not in each.",
            ),
            (
                6 * (matrices * 2 // 3 + attention + logits),
                "8 d² a layer; attention's four matrices are 4 d² and the MLP's two 8 d², together 12.",
            ),
            (6 * all_params * n, "this is 6 FLOPs a weight: embeddings are looked up, and attention has no weights."),
        ]
        why = "three times the forward pass: 2 FLOPs for each multiply-add of its matrices, attention and logits."
        expect(call, got, 3 * forward, why, likely)


def test_perplexity(perplexity: Callable[..., Any], namespace: Namespace) -> None:
    """One to a hundred names of one to twelve letters, losses from 0 to 12 nats."""
    del namespace  # nothing of it is needed
    rng = random.Random(2)
    cases = [
        ([2.0, 1.0], ["al", "konstantin"]),
        ([math.log(27)] * 3, ["eva", "jo", "maximilian"]),
        ([0.0, 0.0], ["ada", "bo"]),
        ([1.7], ["mia"]),
        ([0.1, 12.0], ["oswald", "x"]),
    ]
    for size in (3, 10, 100):
        names = ["".join(rng.choices("abcdefgh", k=rng.randrange(1, 13))) for _ in range(size)]
        cases.append(([round(rng.uniform(1.5, 4), 3) for _ in names], names))
    for losses, names in cases:
        call = f"perplexity({losses}, {names})" if len(names) < 4 else f"perplexity of {len(names)} names"
        given = list(losses), list(names)
        got = _number(call, attempt(call, perplexity, *given))
        compare(f"the lists after {call}", given, (losses, names), "leave the caller's lists as they were.")
        lengths = [len(name) for name in names]
        predictions = [length + 1 for length in lengths]
        nats = math.fsum(map(_product, losses, predictions))
        mean = nats / sum(predictions)
        letters = math.fsum(map(_product, losses, lengths))
        likely = [
            (mean, "this is the mean cross-entropy in nats; the perplexity is exp of it."),
            (2**mean, "2 to the power of nats: these logarithms are natural, so it is exp."),
            (
                math.fsum(map(math.exp, losses)) / len(names),
                "this is the mean of the names' perplexities; take the mean of the nats first, then exp once.",
            ),
            (
                math.fsum(map(_product, map(math.exp, losses), predictions)) / sum(predictions),
                "this is a mean of perplexities; take the mean of the nats first, then exp once.",
            ),
            (
                math.exp(math.fsum(losses) / len(names)),
                "every name counts the same here; every prediction should: a long name has more of them.",
            ),
            (
                math.exp(letters / sum(lengths)),
                "the end marks are forgotten: a name of n letters has n + 1 predictions.",
            ),
            (math.exp(letters / sum(predictions)), "a loss is a mean over n + 1 predictions, not over n letters."),
            (math.exp(min(700.0, nats / sum(lengths))), "divided by the letters; the end marks are predictions too."),
            (math.exp(min(700.0, nats / len(names))), "divided by the number of names; it is per prediction."),
        ]
        why = "it is exp of the nats of all predictions together, divided by their number, end marks included."
        expect(call, got, math.exp(mean), why, likely)


def test_uniqueness(uniqueness: Callable[..., Any], namespace: Namespace) -> None:
    """All new, all copied, all the same, all empty, and mixtures; a training list of thousands."""
    del namespace  # nothing of it is needed
    rng = random.Random(3)
    known = ["mia", "leo", "ada", "eva", "tim"]
    cases = [
        (["kai", "bea", "ugo"], known),
        (["mia", "mia", "kai"], known),
        (["mia", "leo", "kai", "bea"], known),
        (["kai", "kai", "kai", "bea"], known),
        (["", "kai", "", "ugo"], known),
        (["mia", "eva"], known),
        (["", "", ""], known),
        (["a"], known),
        (["mi", "miaa", "leon"], known),
    ]
    for size in (10, 200):
        cases.append((["".join(rng.choices("ab", k=rng.randrange(7))) for _ in range(size)], ["a", "ab", "bab"]))
    cases.append((["kai", "mia", "name77", "kai"], [*known, *(f"name{i}" for i in range(5000))]))
    for generated, training_names in cases:
        call = f"uniqueness({generated}, {_listed(training_names)})"
        given = list(generated), list(training_names)
        with _package_refuses(uniqueness_of_the_arena):
            got = _number(call, attempt(call, uniqueness, *given))
        compare(f"the lists after {call}", given, (generated, training_names), "leave the caller's lists as they were.")
        n, seen = len(generated), set(training_names)
        new = [name for name in generated if name and name not in seen]
        likely = [
            (len({*generated} - {""}) / n, "names from the training list are counted; copying is not writing."),
            (len(new) / n, "a name is counted each time it comes; its second time it is no longer new."),
            (len({*generated} - seen) / n, "the empty name is counted; it is no name."),
            (
                len(set(new)) / len({*generated}),
                "divided by the number of different names; who repeats himself has written those too: divide by all.",
            ),
            (len(set(new)) / (len(new) or 1), "divided by the new names alone; divide by all that was written."),
            (
                sum(new.count(name) == 1 for name in new) / n,
                "a name that comes twice is not counted at all; its first time counts.",
            ),
            (100 * len(set(new)) / n, "a share between 0 and 1 is asked for, not percent."),
        ]
        why = "it is the number of different names that are neither empty nor known, divided by all that was written."
        expect(call, got, len(set(new)) / n, why, likely)


def test_update_ratio(update_ratio: Callable[..., Any], namespace: Namespace) -> None:
    """One to a thousand weights of either sign, with zeros; steps that turn them round, and steps of 0."""
    del namespace  # nothing of it is needed
    rng = random.Random(4)
    cases = [
        ([6.0, -8.0], [7.0, -8.0]),
        ([1.0, -1.0], [-1.0, 1.0]),
        ([0.0, 2.0], [1.0, 2.0]),
        ([0.5, -2.0, 0.0], [0.5, -2.0, 0.0]),
        ([-0.08], [-0.07]),
        ([3.0, 4.0], [0.0, 0.0]),
        ([1e-5, -2e-5], [0.01, 0.01]),
    ]
    for size in (3, 10, 1000):
        before = [rng.gauss(0, 0.08) for _ in range(size)]
        cases.append((before, [x + rng.choice([-0.01, 0.01]) for x in before]))
    for before, after in cases:
        call = f"update_ratio({before}, {after})" if len(before) < 4 else f"update_ratio of {len(before)} weights"
        given = list(before), list(after)
        hint = "single weights may be 0: divide by the norm of all, not by each."
        got = _number(call, attempt(call, update_ratio, *given, hint=hint))
        compare(f"the lists after {call}", given, (before, after), "leave the caller's lists as they were.")
        moves = [y - x for x, y in zip(before, after, strict=True)]
        norm, expected = math.hypot(*before), _update_ratio(before, after)
        growth = math.hypot(*after) - norm
        total = math.fsum(before)
        likely = [
            (abs(growth) / norm, "this is how much the norm has grown; take the norm of the differences."),
            (growth / norm, "this is how much the norm has grown; take the norm of the differences."),
            *(
                (sign * math.fsum(moves) / total, "signs cancel in a sum: square the differences first.")
                for sign in (1, -1)
                if total
            ),
            (expected**2, "the square root is missing."),
            (math.hypot(*moves), "this is the norm of the change alone; divide it by the norm of the weights."),
            (math.hypot(*moves) / (math.hypot(*after) or 1.0), "divide by the weights before the step, not after."),
            (
                math.fsum(map(abs, moves)) / math.fsum(map(abs, before)),
                "these are sums of sizes; a norm is the root of the sum of squares.",
            ),
            (max(map(abs, moves)) / max(map(abs, before)), "this compares the largest ones only."),
        ]
        why = "it is the norm of all the changes, divided by the norm of the weights before."
        expect(call, got, expected, why, likely)


def test_diagnose(diagnose: Callable[..., Any], namespace: Namespace) -> None:
    """Models of other seeds, widths and depths; each illness in several degrees and places, five times none."""
    if "examine" not in namespace:
        raise WrongAnswerError("examine is not defined: the cell near the top that defines it is missing.")
    documents = [list(document) for document in map(load_names().encode, ("mara", "joel", "wanda", "ugo"))]
    for illness, case in _cases(documents):
        examination = namespace["examine"](*case[1:], documents)
        width, layers = case[1].n_embd, case[1].n_layer
        call = f"diagnose of a model of width {width} with {layers} layer{'s' * (layers > 1)}, {case[0]}"
        ratios = [_update_ratio(rows, examination.after[name]) for name, rows in examination.before.items()]
        gradients = {name: math.hypot(*g) / math.sqrt(len(g)) for name, g in examination.gradients.items()}
        least = min(gradients, key=lambda name: gradients[name])
        silent = [sum(not any(unit) for unit in layer) / len(layer) for layer in examination.units]
        call += (
            f"\n    measured: silent units {', '.join(f'{share:.0%}' for share in silent)}; "
            f"gradients {gradients[least]:.1e} in {least} to {max(gradients.values()):.1e}; "
            f"update ratios {min(ratios):.1e} to {max(ratios):.1e}; loss {examination.loss:.2f}"
        )
        with standing_in(namespace, update_ratio=_update_ratio):
            got = attempt(call, diagnose, examination)
        if not isinstance(got, str):
            raise other_than(call, got, "one of the five answers, a string,")
        if got not in ANSWERS:
            raise WrongAnswerError(f"{call}\n    returned {got[:100]!r}, which is none of the five answers.")
        if got != illness:
            why = CONFUSED.get((illness, got), f"of the five answers, {illness!r} is the one that these numbers show.")
            compare(call, got, illness, why)


# -- models whose illness is known, because it is made here


def _cases(documents: Sequence[list[int]]) -> Iterator[tuple[str, tuple[str, GameGPT, float]]]:
    """(what is wrong, (the model in words, the model, its learning rate)), the plain cases first."""

    def make(words: str, seed: int, lr: float, steps: int = 6, width: int = 4, layers: int = 1) -> Any:
        model = GameGPT(27, layers, width, 8, 2, seed)
        for step in range(steps):
            model.train_step(documents[step % len(documents)], 0.01)
        return f"{words}, after {steps} steps", model, lr

    yield HEALTHY, make("learning rate 0.01", 11, 0.01, steps=0)
    yield HEALTHY, make("learning rate 0.01", 12, 0.01, width=8)
    yield TOO_HIGH, make("learning rate 10", 13, 10.0, steps=0)
    yield TOO_LOW, make("learning rate 0.000001", 14, 1e-6, width=8)
    yield VANISHING, _scaled(make("all weights times 0.001", 15, 0.01), 1e-3)
    yield DEAD, _silenced(make("its units silenced", 16, 0.01), 0)
    yield HEALTHY, make("learning rate 0.005", 17, 0.005, steps=12)
    yield HEALTHY, make("learning rate 0.02", 18, 0.02, layers=2)
    yield TOO_HIGH, make("learning rate 3", 19, 3.0, layers=2)
    yield TOO_LOW, make("learning rate 0.00001", 20, 1e-5, steps=0)
    yield VANISHING, _scaled(make("lm_head times 0.0000001", 21, 0.01), 1e-7, "lm_head")
    yield VANISHING, _scaled(make("attention saturated", 22, 0.01), 1e4, "attn_wq", "attn_wk")
    yield VANISHING, _scaled(make("all weights times 0.001", 23, 0.005, steps=0, width=8), 1e-3)
    yield DEAD, _silenced(make("the units of one layer silenced", 24, 0.01, layers=2), 1)
    yield DEAD, _silenced(make("the units of one layer silenced", 25, 0.02, layers=2, steps=0), 0)


def _scaled(case: Any, factor: float, *parts: str) -> Any:
    for name, rows in case[1].state_dict.items():
        if not parts or name.endswith(parts):
            for p in (p for row in rows for p in row):
                p.data *= factor
    return case


def _silenced(case: Any, layer: int) -> Any:
    """One input of the MLP is large for every token, and every unit weighs it negatively."""
    for row in case[1].state_dict["wte"]:
        row[0].data = 2.0
    for row in case[1].state_dict[f"layer{layer}.mlp_fc1"]:
        row[0].data = -2.0
    return case


def _update_ratio(before: Sequence[float], after: Sequence[float]) -> float:
    return math.dist(before, after) / (math.hypot(*before) or math.nan)


# -- what stands in, and what refuses


@contextmanager
def _package_refuses(*functions: Any) -> Iterator[None]:
    """These functions of labkit.arena do nothing meanwhile: they are the answers, under any name."""
    codes = [function.__code__ for function in functions]
    for function in functions:
        function.__code__ = _refuse.__code__
    try:
        yield
    finally:
        for function, code in zip(functions, codes, strict=True):
            function.__code__ = code


def _refuse(*_: Any, **__: Any) -> None:
    raise NotImplementedError("this calls labkit.arena; here, write it in plain Python.")


# -- numbers and complaints


def _product(a: float, b: float) -> float:
    return a * b


def _listed(names: Sequence[str]) -> str:
    return str(list(names)) if len(names) < 10 else f"{len(names)} training names"


def _number(call: str, got: Any) -> Any:
    """What the function returned, once it is sure to be a number."""
    if isinstance(got, bool) or not isinstance(got, Real):
        raise other_than(call, got, "a number")
    return got
