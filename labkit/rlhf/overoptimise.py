"""Over-optimisation: what the true reward does while a policy climbs a proxy that was learned (Gao et al. 2023).

On the toy board every policy π ∝ μ · exp(proxy/β) is known, so the curve that a training run would walk along is
computed, for all β at once, without training.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from torch import Tensor

from labkit.training.lm_config import LMConfig

from .exact import expected, kl, optimum
from .preferences import Comparison
from .reward_model import RewardModel, reward_config
from .reward_run import RewardRun
from .run import PolicyRun
from .toy import ToyBoard


class Point(NamedTuple):
    """One policy on the way up a proxy.

    Attributes:
        beta: the weight of the KL that leads there.
        kl: to the reference, in nats; curves are drawn against its root.
        proxy: the expected proxy reward.
        true: the expected true reward.
    """

    beta: float
    kl: float
    proxy: float
    true: float


def curve(log_ref: Tensor, proxy: Tensor, true: Tensor, betas: Iterable[float]) -> list[Point]:
    """The optima for a proxy at several weights of the KL.

    Args:
        log_ref: of the reference, [outcomes].
        proxy: what is optimised, [outcomes].
        true: what was meant, [outcomes].
        betas: each above 0.
    """
    points = []
    for beta in betas:
        best = optimum(log_ref, proxy.to(log_ref), beta)
        found = (kl(best, log_ref), expected(best, proxy.to(log_ref)), expected(best, true.to(log_ref)))
        points.append(Point(beta, *map(float, found)))
    return points


def peak(points: Sequence[Point]) -> Point:
    """Where the true reward is highest: where one would have had to stop."""
    return max(points, key=lambda point: point.true)


def toy_comparisons(toy: ToyBoard, log_ref: Tensor, n: int, seed: int) -> list[Comparison]:
    """N answers of somebody who goes by the true reward, about routes of the reference; see `ToyBoard.pairs`."""
    pairs = toy.pairs(log_ref, n, seed)
    texts = [[toy.text(ids) for ids in side.ids] for side in pairs]
    return [Comparison("", a, b, "a", "simulated") for a, b in zip(*texts, strict=True)]


def toy_reward_model(toy: ToyBoard, comparisons: Sequence[Comparison], seed: int, **changes: Any) -> RewardModel:
    """A reward model of the toy board's routes: it has seen these comparisons, and no reward.

    Args:
        toy: the board.
        comparisons: of its routes, as texts.
        seed: of weights and order.
        changes: to the training, as in `LMConfig`.
    """
    small = {
        "block_size": toy.ids.shape[1],
        "n_layer": 1,
        "n_head": 2,
        "n_embd": 32,
        "causal": False,
        "zero_init": True,
    }
    config = {"max_steps": 300, "batch_size": 64, "lr": 0.003, "optimizer": "adamw", "eval_every": 0, "seed": seed}
    run = RewardRun(
        reward_config(toy.tokenizer.vocab_size, **small),
        toy.tokenizer,
        comparisons,
        config=LMConfig(**config | changes),  # type: ignore[arg-type]
    )
    for _ in run:
        pass
    return run.reward_model()


def stop_early(
    run: PolicyRun, check: Callable[[PolicyRun], float], every: int = 10, patience: int = 2
) -> tuple[int, list[tuple[int, float]]]:
    """Iterate a run until what is really wanted has not risen for `patience` checks, then put the best policy back.

    Args:
        run: one that climbs a proxy.
        check: asks for the true reward of the policy: people, or a measure too dear to ask at each step.
        every: steps between two checks; the first is made before any step.
        patience: checks without a better one.

    Returns:
        The step that was best, and all checks as (step, true reward).
    """
    checks = [(run.step, check(run))]
    best, state = checks[0], run.get_state()
    try:
        for step in run:
            if step.step % every and not run.finished:
                continue
            checks.append((step.step, check(run)))
            if checks[-1][1] > best[1]:
                best, state = checks[-1], run.get_state()
            elif (step.step - best[0]) >= patience * every:
                break
    finally:  # also where the run diverges: what was best is not lost with it
        with run.lock:
            run.set_state(state)
    return best[0], checks
