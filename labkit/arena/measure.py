"""What can be measured in a run at rest: gradients, updates and silent units, without changing the run.

A copy of the model reads some of the run's own documents; nothing of the run (weights, Adam's means,
random state, gradients, energy) is touched, and its lock is held only while the copy is made.
"""

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from labkit.scalar import GameGPT
from labkit.scalar.gpt import INIT_STD
from labkit.scalar.ops import backward_along
from labkit.scalar.value import topological_order
from labkit.training import ScalarGPTRun, Step

PROBE_DOCUMENTS = (4, 32)
"""The fewest and the most names of the probe. 32 names have 230 letters: with 16, up to 44 % of the units of a
healthy model of width 24 merely had not met their letter yet."""
PROBE_WORK = 4_000_000
"""Weights times tokens of a probe, about two seconds: a large model reads fewer names."""


@dataclass(frozen=True)
class MatrixMeasure:
    """One matrix of `GameGPT.state_dict`.

    Attributes:
        weight_rms: the root of the mean square of its weights; 0.08 at the start.
        gradients: d(loss)/d(weight), row by row, of the probe's mean loss.
        gradient_norm: their Euclidean norm.
        gradient_rms: the same for one weight: norm / √(number of weights).
        update_rms: of the update that Adam would make next, per weight.
        update_ratio: |update| / |weights|, as norms. nan where weights and update are all zero.
        update_share: update_rms / max(weight_rms, 0.08). A matrix that is small or zero makes any update a
            large ratio; this compares with a matrix as `GameGPT` makes them.
    """

    weight_rms: float
    gradients: list[float] = field(repr=False)
    gradient_norm: float
    gradient_rms: float
    update_rms: float
    update_ratio: float
    update_share: float


@dataclass(frozen=True)
class Measurements:
    """The raw numbers of a probe; losses in nats.

    Attributes:
        matrices: by name, in the order of `state_dict`.
        dead: layer -> the share of its ReLU² units that fired at no token of the probe.
        probe_loss: the mean loss of the probe's names; nan when it cannot be computed.
        document_norms: the gradient's norm for each name alone, which is what training meets.
        guess_loss: of guessing: log(vocab_size).
        letters_loss: of knowing how often each letter comes, and no more: their entropy.
        documents: names in the probe.
        steps: training steps done.
        history: of the run, up to now.
        lr: the learning rate that the next step would use, before it falls with the steps.
        behind: whether the model is of an earlier step than the history's last: training diverged.
    """

    matrices: dict[str, MatrixMeasure]
    dead: dict[int, float]
    probe_loss: float
    document_norms: list[float]
    guess_loss: float
    letters_loss: float
    documents: int
    steps: int
    history: list[Step] = field(repr=False)
    lr: float
    behind: bool

    @property
    def gradient_norm(self) -> float:
        """Of all matrices together, for the probe's mean loss."""
        return math.hypot(*(m.gradient_norm for m in self.matrices.values()))


def measurements(run: ScalarGPTRun, documents: Sequence[Sequence[int]] | None = None) -> Measurements:
    """Measure a run as it stands.

    Args:
        run: its model, history, documents and learning rate are read, nothing is changed; a thread may
            be training it.
        documents: the probe; names at even distances in the run's own when left out, the same each time.

    Raises:
        ValueError: for an empty probe, or a document in it that the model cannot read.
    """
    with run.lock:
        model = _copy(run.model)
        history, lr = list(run.history), run.controls["lr"]
        behind = model.step_count < run.step or getattr(run, "stopped_because", None) == "diverged"
        following = run.documents[run.order[model.step_count % len(run.order)]]
    if documents is None:
        documents = probe_documents(run.documents, len(model.params), model.block_size)
    if not documents:
        raise ValueError("measurements: the probe needs at least one document")
    before = model.get_weights()
    losses, norms, gradients, fired = _probe(model, documents)
    updates = _next_update(model, following, lr, before)
    return Measurements(
        matrices=_by_matrix(model, before, gradients, updates),
        dead={layer: 1 - len(units) / (4 * model.n_embd) for layer, units in fired.items()},
        probe_loss=sum(losses) / len(losses),
        document_norms=norms,
        guess_loss=math.log(model.vocab_size),
        letters_loss=entropy_of_tokens(run.documents),
        documents=len(documents),
        steps=history[-1].step if history else 0,
        history=history,
        lr=lr,
        behind=behind,
    )


def probe_documents(documents: Sequence[Sequence[int]], n_params: int, block_size: int) -> list[Sequence[int]]:
    """Documents at even distances: 32 of them, or fewer where the model is large."""
    few, many = PROBE_DOCUMENTS
    some = documents[:: max(1, len(documents) // many)][:many]
    length = sum(min(len(document) - 1, block_size) for document in some) / len(some)
    n = max(few, min(many, int(PROBE_WORK / (n_params * length))))
    return list(some[:: max(1, len(some) // n)][:n])


def entropy_of_tokens(documents: Sequence[Sequence[int]]) -> float:
    """Of all tokens that are to be predicted, in nats."""
    counts = Counter(token for document in documents for token in document[1:])
    total = counts.total()
    return -sum(n / total * math.log(n / total) for n in counts.values())


def _copy(model: GameGPT) -> GameGPT:
    """The same weights, Adam's means and count of steps in a model of its own, in the same engine."""
    copy = type(model)(model.vocab_size, model.n_layer, model.n_embd, model.block_size, model.n_head)
    copy.set_weights(model.get_weights())
    copy.m, copy.v, copy.step_count = list(model.m), list(model.v), model.step_count
    return copy


def _probe(
    model: GameGPT, documents: Sequence[Sequence[int]]
) -> tuple[list[float], list[float], list[float], dict[int, set[int]]]:
    """Loss and gradient norm of each document, the mean gradient, and per layer the units that fired.

    Where a loss overflows all that follows is nan: the numbers say so, and nothing is raised.
    """
    fired: dict[int, set[int]] = {layer: set() for layer in range(model.n_layer)}
    read: Callable[[Sequence[int]], tuple[float, list[float], set[tuple[int, int]]]]
    read = getattr(model, "read", None) or _scalar_reader(model)  # the torch engine looks for itself
    losses, norms, total = [], [], [0.0] * len(model.params)
    for document in documents:
        try:
            loss, gradients, units = read(document)
        except ArithmeticError:
            loss, gradients, units = math.nan, [math.nan] * len(model.params), set()
        losses.append(loss)
        for layer, unit in units:
            fired[layer].add(unit)
        norms.append(math.hypot(*gradients))
        total = [sum_ + g for sum_, g in zip(total, gradients, strict=True)]
    return losses, norms, [g / len(documents) for g in total], fired


def _scalar_reader(model: GameGPT) -> Callable[[Sequence[int]], tuple[float, list[float], set[tuple[int, int]]]]:
    """A function that reads a document: its loss, its gradients, and (layer, unit) of what fired, from the graph."""
    rows = {  # a unit is known by the first weight of its row, which is a child of its dot product
        row[0]: (layer, unit)
        for layer in range(model.n_layer)
        for unit, row in enumerate(model.state_dict[f"layer{layer}.mlp_fc1"])
    }

    def read(document: Sequence[int]) -> tuple[float, list[float], set[tuple[int, int]]]:
        for p in model.params:
            p.grad = 0.0
        loss = model.loss(document)
        order = topological_order(loss)
        backward_along(order)
        fired = {rows[node.children[0].children[0]] for node in order if node.op == "relu²" and node.data > 0}
        return loss.data, [p.grad for p in model.params], fired

    return read


def _next_update(model: GameGPT, document: Sequence[int], lr: float, before: list[float]) -> list[float]:
    """What the next training step would add to each weight: the copy makes it. nan when it overflows."""
    try:
        model.train_step(document, lr)
    except ArithmeticError:
        return [math.nan] * len(before)
    return [after - x for after, x in zip(model.get_weights(), before, strict=True)]


def _by_matrix(
    model: GameGPT, weights: list[float], gradients: list[float], updates: list[float]
) -> dict[str, MatrixMeasure]:
    result, start = {}, 0
    for name, rows in model.state_dict.items():
        size = sum(map(len, rows))
        here = slice(start, start + size)
        start += size
        weight, gradient, update = (math.hypot(*x[here]) for x in (weights, gradients, updates))
        root = math.sqrt(size)
        result[name] = MatrixMeasure(
            weight_rms=weight / root,
            gradients=gradients[here],
            gradient_norm=gradient,
            gradient_rms=gradient / root,
            update_rms=update / root,
            update_ratio=update / weight if weight else (math.inf if update else math.nan),
            update_share=update / root / max(weight / root, INIT_STD),
        )
    return result
