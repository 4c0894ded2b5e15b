"""The hidden tests of assignment 7, one per graded function; labkit.grading.assignment.grade runs them.

What is right, and its gradients, comes from closed forms in numpy, and from sums over all outcomes; nothing of
`labkit.rlhf` is asked. Later functions call earlier ones; so, while one is tested, right ones stand in for the others,
and one mistake loses one function's points. Messages are for the learner.
"""

import math
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from contextlib import AbstractContextManager
from numbers import Real
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from torch import Tensor

from labkit.grading.assignment import WrongAnswerError, attempt
from labkit.grading.hidden import expect, expect_refusal, on_its_own, other_than
from labkit.grading.hidden_tensors import expect_slopes, loss_of, single_number, tensor_of, unchanged

Namespace = MutableMapping[str, Any]
Function = Callable[..., Any]
Array = np.ndarray[Any, Any]
Mistakes = Iterator[tuple[Any, str]]
"""What known mistakes give, each with the sentence about it."""

SWAPPED = "chosen and rejected have changed places: this loss falls when the rejected one wins."
LIKELIHOOD = "this is the log-likelihood, which should rise; a loss is its negative."
SUM = "this is the sum; the mean is needed."
OVERFLOW = "exp overflows above 709, and the log of 0 is -inf: the difference first, then F.logsigmoid or F.softplus."


def test_bradley_terry_loss(bradley_terry_loss: Function, namespace: Namespace) -> None:
    """One to forty pairs; equal scores, scores in the thousands a little apart, differences of 1e4 either way."""
    rng = np.random.default_rng(1)
    pairs = [(rng.normal(0, 2, n).round(2), rng.normal(0, 2, n).round(2)) for n in (3, 1, 40)]
    pairs += [(np.array(a), np.array(b)) for a, b in (([0.3], [0.3]), ([1e4 + 0.25, -900.0], [1e4, -901.0]))]
    pairs += [(np.array(a), np.array(b)) for a, b in (([1e4, 3.0], [0.0, 1.0]), ([0.0, 1.0, 1e4], [1e4, 2.0, 0.0]))]
    for chosen, rejected in pairs:
        n, d = len(chosen), chosen - rejected
        call = f"bradley_terry_loss({_shown(chosen)}, {_shown(rejected)})"
        given = {"chosen": chosen, "rejected": rejected}
        with _alone(namespace):
            got, leaves = loss_of(call, bradley_terry_loss, given)
        far = np.abs(d).max() > 100
        why = "-log σ(chosen - rejected), the mean over the pairs."
        why = "a difference of -10,000 costs 10,000, nothing is cut off: F.logsigmoid, or F.softplus." if far else why
        why = why if math.isfinite(got.item()) else OVERFLOW
        expect(call, got.item(), float(_softplus(-d).mean()), why, list(_misjudged(chosen, rejected)), tolerance=1e-6)
        slope = -np.exp(-_softplus(d)) / n  # -σ(-d) / n
        expect_slopes(call, got, leaves, {"chosen": slope, "rejected": -slope}, "it is ±σ(rejected - chosen) / n.")


def test_best_of_n(best_of_n: Function, namespace: Namespace) -> None:
    """As many prompts as samples and not, one of either; rewards all below 0, equal, and in the thousands."""
    rng = np.random.default_rng(2)
    cases = [rng.normal(0, 1, shape).round(2) for shape in ((3, 3), (4, 4), (3, 5), (1, 6), (5, 1), (1, 1))]
    cases += [-5 + rng.normal(0, 1, (6, 6)), rng.integers(0, 3, (8, 8)) * 1.0, np.full((2, 3), -1e4)]
    for rewards in cases:
        call, given = f"best_of_n({_shown(rewards)})", torch.tensor(rewards)
        with _alone(namespace):
            got = attempt(call, best_of_n, given)
        unchanged(call, given, rewards)
        n = rewards.shape[1]
        right = [max(range(n), key=lambda j, row=row: (row[j], -j)) for row in rewards]
        last = [max(range(n), key=lambda j, row=row: (row[j], j)) for row in rewards]
        likely = [
            (rewards.argmin(1).tolist(), "these have the lowest reward; the highest is needed."),
            (last, "of equal rewards the first counts."),
            (np.abs(rewards).argmax(1).tolist(), "the highest reward is needed, not the one furthest from 0."),
            (rewards.argmax(0).tolist(), "this is the best prompt for each column; prompts are rows."),
            ([0] * len(rewards), "rewards may all be below 0: begin with the first of them, not with 0."),
        ]  # fmt: skip
        if isinstance(got, Tensor) and torch.equal(got.double().flatten(), given.amax(1)):
            raise WrongAnswerError(f"{call}\n    these are the rewards of the best; where they stand is needed.")
        got = tensor_of(call, got, [len(rewards)], torch.int64).tolist()
        expect(call, got, right, "for each prompt, the place of the highest reward in its row.", likely)


def test_best_of_n_kl(best_of_n_kl: Function, namespace: Namespace) -> None:
    """From one sample to a million; none."""
    for n in (4, 1, 2, 3, 10, 64, 1000, 10**6):
        call = f"best_of_n_kl({n})"
        with _alone(namespace):
            got = attempt(call, best_of_n_kl, n)
        if isinstance(got, bool) or not isinstance(got, Real):
            raise other_than(call, got, "a float")
        log, part = math.log(n), (n - 1) / n
        likely = [
            (log, "(n - 1) / n is missing, or was rounded down to 0 by //: best of 4 is less than log 4 away."),
            (math.log2(n) - part, "this takes the logarithm to base 2; nats are needed."),
            (log - 1 / n, "(n - 1) / n is taken off, not 1 / n."),
            (log + part, "(n - 1) / n is taken off, not added."),
            (part - log, "the sign: a KL is 0 or more."),
            (log - (n - 1), "n - 1 is divided by n."),
            (log - n / (n + 1), "it is n - 1 over n."),
        ]  # fmt: skip
        expect(call, got, log - part, "log n - (n - 1) / n, in nats.", likely)
    for n in (0, -2):
        with _alone(namespace):
            expect_refusal(f"best_of_n_kl({n})", best_of_n_kl, [n], [""])


def test_rloo_advantages(rloo_advantages: Function, namespace: Namespace) -> None:
    """Groups of two to eight, one group and many, equal rewards; rewards with a gradient; groups of one."""
    rng = np.random.default_rng(3)
    cases = [rng.normal(1, 2, shape).round(2) for shape in ((3, 3), (4, 4), (3, 5), (1, 2), (6, 2), (2, 8))]
    cases += [np.array([[2.0, 2.0, 2.0], [0.0, 0.0, 9.0]]), rng.integers(0, 2, (5, 4)) + 1e5]
    for rewards in cases:
        call, plain = f"rloo_advantages({_shown(rewards)})", torch.tensor(rewards)
        watched = torch.tensor(rewards, requires_grad=True)
        with _alone(namespace):
            first = attempt(call, rloo_advantages, plain)
            unchanged(call, plain, rewards)
            got = attempt(call, rloo_advantages, watched)
        shape, n = list(rewards.shape), rewards.shape[1]
        tensor_of(call, first, shape, torch.float64)
        answer = tensor_of(call, got, shape, torch.float64)
        others = np.array([[np.delete(row, j).mean() for j in range(n)] for row in rewards])
        likely = [(wrong.tolist(), sentence) for wrong, sentence in _misleading(rewards, others)]
        why = "each reward less the mean of the others of its group."
        expect(call, answer.tolist(), (rewards - others).tolist(), why, likely, tolerance=1e-7)
        if answer.requires_grad:
            raise WrongAnswerError(
                f"{call}, rewards with a gradient\n    the result has one too; an advantage is a weight: .detach()."
            )
    for groups in (1, 3):
        with _alone(namespace):
            call = f"rloo_advantages of {groups} groups of one sample"
            expect_refusal(call, rloo_advantages, [torch.ones(groups, 1)], [""])


def test_ppo_clip_loss(ppo_clip_loss: Function, namespace: Namespace) -> None:
    """Ratios below, within and above the range, advantages of both signs; padding of all kinds; the first step."""
    rng = np.random.default_rng(5)
    cases = [([5, 2, 4], 0.2, 0.4, 0.7), ([5, 2, 4], 0.2, 0.0, 0.7), ([1], 0.1, 0.5, 0.0), ([3, 3], 0.3, 0.6, 0.0)]
    cases += [([6, 1, 3, 0], 0.2, 0.4, 0.0), ([2, 7], 0.1, 0.3, -math.inf), ([4, 1], 0.2, 0.3, math.nan)]
    for lengths, clip, spread, filler in cases:
        shape = (len(lengths), max(lengths))
        mask = np.arange(shape[1]) < np.array(lengths)[:, None]
        old = np.where(mask, rng.uniform(-3, -0.1, shape), filler)
        new = np.where(mask, old + rng.normal(0, spread, shape), filler + 0.5)
        given = {"log_probs": new, "old_log_probs": old}
        given["advantages"] = np.where(mask, rng.normal(0.3, 1, shape), filler)
        advantages, n = given["advantages"][mask], mask.sum()
        ratio = np.exp(new[mask] - old[mask])
        kind = f"padding of {filler}" if not mask.all() else "no padding"
        call = f"ppo_clip_loss of answers of {lengths} tokens, clip={clip}, {kind}"
        call += "" if spread else ", log_probs equal to old_log_probs"
        with _alone(namespace):
            chosen = torch.tensor(mask)
            got, leaves = loss_of(call, ppo_clip_loss, given, chosen, clip)
        unchanged(f"{call}, the mask", chosen, mask)
        clipped = ratio.clip(1 - clip, 1 + clip)
        right = -np.minimum(ratio * advantages, clipped * advantages).mean()
        likely = list(_misclipped(given, mask, clip)) if math.isfinite(filler) else []
        why = "-min(ratio · A, clipped ratio · A), the mean over all tokens that mask has."
        why = why if math.isfinite(got.item()) else "choose by x[mask] first, then compute: nan · 0 is nan."
        expect(call, got.item(), float(right), why, likely, tolerance=1e-7)
        steep = np.where(advantages > 0, ratio < 1 + clip, ratio > 1 - clip)
        slopes = {"log_probs": np.zeros(shape), "old_log_probs": None, "advantages": None}
        slopes["log_probs"][mask] = -(steep * ratio * advantages) / n
        why = "it is -ratio · A / tokens where the smaller one is not clipped, and 0 elsewhere, at padding too."
        expect_slopes(call, got, leaves, slopes, why)
    same = torch.tensor([[-1.0, -0.5, -2.0]], dtype=torch.float64, requires_grad=True)
    weights = torch.tensor([[2.0, -1.0, 4.0]], dtype=torch.float64)
    call = "ppo_clip_loss(x, x, …): the policy that is trained is the one that wrote"
    with _alone(namespace):
        got = single_number(
            call, attempt(call, ppo_clip_loss, same, same, weights, torch.ones(1, 3, dtype=torch.bool), 0.2)
        )
    why = "it is that of the policy gradient, -A / tokens: old_log_probs.detach(), or it cancels."
    expect_slopes(call, got, {"x": same}, {"x": -weights.numpy() / 3}, why)


def test_dpo_loss(dpo_loss: Function, namespace: Namespace) -> None:
    """Policies better and worse than the reference, the reference itself, large margins; one pair to thirty."""
    rng = np.random.default_rng(5)
    cases = [(3, 0.5, 3.0), (1, 0.1, 5.0), (30, 0.02, 20.0), (5, 2.0, 1.0), (2, 0.3, 0.0), (4, 1.0, 4000.0)]
    names = ("policy_chosen", "policy_rejected", "ref_chosen", "ref_rejected")
    for n, beta, spread in cases:
        ref = rng.uniform(-33, -30, (2, n))
        values = (*(ref + rng.normal(0, spread, (2, n))), *ref)
        given = dict(zip(names, values, strict=True))
        shown = f", {', '.join(f'{name}={_shown(x)}' for name, x in given.items())}" if n < 2 else f" of {n} pairs"
        call = f"dpo_loss{shown}, beta={beta}, the policy about {spread} nats away from the reference"
        with _alone(namespace):
            got, leaves = loss_of(call, dpo_loss, given, beta)
        z = beta * (values[0] - values[2] - values[1] + values[3])
        why = "-log σ(β · (policy - ref of chosen, less policy - ref of rejected)), the mean over the pairs."
        why = "a margin of -10,000 costs 10,000: F.logsigmoid, or F.softplus." if spread > 99 else why
        why = why if math.isfinite(got.item()) else OVERFLOW
        expect(call, got.item(), float(_softplus(-z).mean()), why, list(_misaligned(*values, beta)), tolerance=1e-6)
        slope = -beta * np.exp(-_softplus(z)) / n
        slopes = {"policy_chosen": slope, "policy_rejected": -slope, "ref_chosen": None, "ref_rejected": None}
        expect_slopes(call, got, leaves, slopes, "it is ±β · σ(-z) / n, z being what stands in the σ.")


def test_kl_estimator(kl_estimator: Function, namespace: Namespace) -> None:
    """All outcomes of two distributions; any shape; probabilities too small for a float; ratios close to 1."""
    rng = np.random.default_rng(6)
    for n, shape in ((6, (6,)), (12, (3, 4)), (1, (1,)), (4, (2, 1, 2))):
        log_p, log_q = (x - np.logaddexp.reduce(x, axis=None) for x in rng.normal(0, 1.5, (2, *shape)))
        _expect_k3(kl_estimator, namespace, log_p, log_q, f"all {n} outcomes, of shape {list(shape)}")
    log_p = rng.uniform(-3, -0.5, 5)
    _expect_k3(kl_estimator, namespace, log_p, log_p, "p equal to q")
    _expect_k3(kl_estimator, namespace, log_p - 900, log_p[::-1] - 900, "whole texts, of probability e^-900")
    _expect_k3(kl_estimator, namespace, log_p, log_p + np.array([30, -30, 5, -700, -5]), "q far from p")
    for dtype, near in ((np.float64, 1e-9), (np.float32, 1e-5)):
        log_p = rng.uniform(-3, -0.5, 40).astype(dtype)
        log_q = (log_p + near * rng.normal(0, 1, 40)).astype(dtype)
        _expect_k3(kl_estimator, namespace, log_p, log_q, f"p and q about {near} apart, {dtype.__name__}")


def _expect_k3(function: Function, namespace: Namespace, log_p: Array, log_q: Array, what: str) -> None:
    call, given = f"kl_estimator of {what}", {"log_p": log_p, "log_q": log_q}
    leaves = {name: torch.tensor(value.copy(), requires_grad=True) for name, value in given.items()}
    with _alone(namespace):
        got = attempt(call, function, *leaves.values())
    for name, leaf in leaves.items():
        unchanged(f"{call}, {name}", leaf.detach(), given[name])
    found = tensor_of(call, got, list(log_p.shape), leaves["log_p"].dtype)
    d = (log_q - log_p).astype(np.float64)  # exact where they are close
    # e^d - 1 - d as a series where it is small: nothing cancels.
    right = np.where(abs(d) < 0.5, sum(d**k / math.factorial(k) for k in range(2, 20)), np.expm1(d) - d)
    allowed = 4 * np.finfo(log_p.dtype).eps * (np.abs(np.expm1(d)) + np.abs(d))
    answer = found.detach().numpy().astype(np.float64)
    if not (np.abs(answer - right) <= allowed + 1e-12 * right).all():
        close = np.abs(d).max() < 1e-3
        why = "r - 1 - log r with r = q / p, each sample alone."
        why = "beside 1 they are too small to see: 1 + x - 1 loses x, torch.expm1(x) does not." if close else why
        why = why if np.isfinite(answer).all() else "e^-900 is 0 in a float: exp of the difference, not of each."
        likely = [] if close else [(wrong.tolist(), text) for wrong, text in _misestimated(log_p, log_q, d)]
        expect(call, answer.tolist(), right.tolist(), why, likely, tolerance=1e-12 if close else 1e-7)
        raise WrongAnswerError(f"{call}\n    {why}")
    if 1e-3 < np.abs(d).max() < 20:  # autograd itself loses the digits of smaller ones
        slope = np.expm1(d)
        why = "it is 1 - q/p to log_p, and its negative to log_q."
        expect_slopes(call, got.sum(), leaves, {"log_p": -slope, "log_q": slope}, why)


# -- right ones, and known mistakes


def _alone(namespace: Namespace) -> AbstractContextManager[None]:
    right: dict[str, Function] = {
        "bradley_terry_loss": lambda chosen, rejected: F.softplus(rejected - chosen).mean(),
        "best_of_n": lambda rewards: rewards.argmax(dim=1),
        "best_of_n_kl": lambda n: math.log(n) - (n - 1) / n,
        "rloo_advantages": lambda r: (r - (r.sum(1, keepdim=True) - r) / (r.shape[1] - 1)).detach(),
        "kl_estimator": lambda log_p, log_q: torch.expm1(log_q - log_p) - (log_q - log_p),
    }
    return on_its_own(namespace, ("labkit.rlhf", "trl"), how="with torch", **right)


def _softplus(x: Array) -> Array:
    return np.logaddexp(0.0, x)


def _misjudged(chosen: Array, rejected: Array) -> Mistakes:
    d, table = chosen - rejected, chosen[:, None] - rejected[None]
    yield _softplus(d).mean(), SWAPPED
    yield -_softplus(-d).mean(), LIKELIHOOD
    yield _softplus(-d).sum(), SUM
    yield -d.mean(), "the log-sigmoid is missing: to win by more and more would be worth more and more."
    yield -np.exp(-_softplus(-d)).mean(), "the logarithm is missing: these are the probabilities."
    yield _softplus(-d.mean()), "each pair has its own log-sigmoid, and the mean comes last."
    yield -np.log(np.exp(-_softplus(-d)).mean()), "the mean of the logarithms, not the logarithm of the mean."
    yield _softplus(-table).mean(), "every chosen answer is compared with every rejected one; pairs belong together."
    yield np.maximum(0.0, 1 - d).mean(), "this is a hinge: beyond a margin of 1 a pair teaches nothing."
    yield _softplus(-d).mean() / math.log(2), "this is in bits; nats are needed."


def _misleading(rewards: Array, others: Array) -> Mistakes:
    n, mean = rewards.shape[1], rewards.mean(1, keepdims=True)
    yield rewards - mean, "the mean of the whole group has the reward itself in it; leave it out."
    yield others - rewards, "the sign: better than the others is above 0."
    yield others, "these are the baselines; an advantage is the reward less its baseline."
    yield rewards, "there is no baseline."
    yield rewards - (rewards.sum(1, keepdims=True) - rewards) / n, "the others are n - 1, not n."
    yield rewards - rewards.mean(), "the mean is over all groups; prompts differ, so each group has its own."
    yield rewards - rewards.mean(0), "the mean is over the groups; the samples of one prompt are a row."
    if len(rewards) > 1:
        columns = (rewards.sum(0) - rewards) / (len(rewards) - 1)
        yield rewards - columns, "the others are those of its own group, a row, not of the column."
    for spread in (rewards.std(1, keepdims=True), rewards.std(1, keepdims=True, ddof=1)):
        for left, base in (("", others), (" and the mean of the whole group", mean)):
            with np.errstate(all="ignore"):
                wrong = [(rewards - base) / by for by in (spread, spread + 1e-8)]
            for each in wrong:
                yield each, f"divided by the standard deviation{left}: that is GRPO; here nothing is scaled."


def _misclipped(given: Mapping[str, Array], mask: Array, clip: float) -> Mistakes:
    new, old, advantages = given.values()
    ratio = np.exp(new - old)
    clipped = ratio.clip(1 - clip, 1 + clip)
    right = np.minimum(ratio * advantages, clipped * advantages)
    rows = [row[chosen].mean() for row, chosen in zip(right, mask, strict=True) if chosen.any()]
    sums = [np.where(chosen, row, 0).sum() for row, chosen in zip(right, mask, strict=True)]
    yield right[mask].mean(), "the sign: what is to be made large is a loss with a minus."
    yield -right.mean(), "padding is counted; nobody wrote it."
    yield -right[mask].sum() / mask.size, "padding adds nothing, but the sum is divided by it too."
    yield -np.mean(rows), "each answer counts the same here; each token has to."
    yield -right[mask].sum(), SUM
    yield -np.mean(sums), "divided by the number of answers; divide by that of the tokens."

    def loss(ratio: Array, low: float = 1 - clip, high: float = 1 + clip) -> Any:
        return -np.minimum(ratio * advantages, ratio.clip(low, high) * advantages)[mask].mean()

    whole = np.exp(np.where(mask, new - old, 0).sum(1, keepdims=True)) * np.ones_like(new)
    in_logs = np.minimum(ratio * advantages, np.exp((new - old).clip(-clip, clip)) * advantages)
    yield (
        -np.maximum(ratio * advantages, clipped * advantages)[mask].mean(),
        "the larger of both; clipping never bites.",
    )
    yield -(clipped * advantages)[mask].mean(), "without the min a token that went the wrong way is never called back."
    yield -(ratio * advantages)[mask].mean(), "nothing is clipped."
    yield -(np.minimum(ratio, clipped) * advantages)[mask].mean(), "the min is of the products: A may be below 0."
    yield loss(ratio, low=-math.inf), "clipped above alone; below too, for what has A < 0."
    yield loss(ratio, high=math.inf), "clipped below alone; above too, for what has A > 0."
    yield loss(ratio, -clip, clip), "the range is 1 - clip to 1 + clip."
    yield loss(1 / ratio), "the ratio is upside down: new over old."
    yield -in_logs[mask].mean(), "the ratio is clipped, not its logarithm."
    yield loss(new - old), "exp is missing: the difference is the logarithm of the ratio."
    yield -(new * advantages)[mask].mean(), "the ratio is missing: exp(log_probs - old_log_probs)."
    yield loss(whole), "each token has its own ratio; this is that of the whole answer."
    yield -(ratio * advantages.clip(-clip, clip))[mask].mean(), "the ratio is clipped, not the advantage."


def _misaligned(chosen: Array, rejected: Array, ref_chosen: Array, ref_rejected: Array, beta: float) -> Mistakes:
    gain, loss = chosen - ref_chosen, rejected - ref_rejected
    z = beta * (gain - loss)
    yield _softplus(z).mean(), SWAPPED
    yield -_softplus(-z).mean(), LIKELIHOOD
    yield _softplus(-z).sum(), SUM
    yield beta * _softplus(-(gain - loss)).mean(), "β stands inside the σ; outside it is a learning rate."
    yield _softplus(-(gain - loss)).mean(), "β is missing."
    yield _softplus(-(gain - loss) / beta).mean(), "β multiplies; here it divides."
    yield _softplus(-beta * (chosen - rejected)).mean(), "the reference is missing."
    yield (
        _softplus(-beta * (chosen + ref_chosen - rejected - ref_rejected)).mean(),
        "the reference is added, or its two parts changed places.",
    )
    ratios = chosen / ref_chosen - rejected / ref_rejected
    yield _softplus(-beta * ratios).mean(), "the logarithm of a ratio is a difference."
    yield _softplus(-beta * gain).mean(), "the rejected answer is missing: this is no comparison."
    yield -z.mean(), "the log-sigmoid is missing: the margin would grow without end."
    yield -np.exp(-_softplus(-z)).mean(), "the logarithm is missing: these are probabilities."
    yield _softplus(-z.mean()), "each pair has its own log-sigmoid; the mean comes last."
    yield ((gain - loss - 1 / (2 * beta)) ** 2).mean(), "this is IPO, a square; DPO has a log-sigmoid."


def _misestimated(log_p: Array, log_q: Array, d: Array) -> Mistakes:
    p, exact = np.exp(log_p), float((np.exp(log_p) * -d).sum())

    def biased(estimate: Array) -> str:
        if abs(p.sum() - 1) > 1e-9:
            return "on average that is not the KL."
        return f"weighed by p they add up to {(p * estimate).sum():.4f}, and the KL is {exact:.4f}."

    with np.errstate(all="ignore"):
        r = np.exp(d)
        yield -d, "this is k1: right on average, but below 0 wherever q gives more than p. Add r - 1."
        yield d**2 / 2, f"this is k2: {biased(d**2 / 2)}"
        yield np.expm1(-d) + d, f"r is upside down, q / p is needed: {biased(np.expm1(-d) + d)}"
        yield np.abs(d), f"the size of k1: {biased(np.abs(d))}"
        yield np.maximum(-d, 0), f"k1 cut off at 0: {biased(np.maximum(-d, 0))}"
        yield d - np.expm1(d), "the sign: each estimate is 0 or more."
        yield r - d, "1 is to be taken off: where p and q agree, it is 0."
        yield np.expm1(d) + d, "log r is taken off, not added."
        yield d, "the sign, and r - 1 is missing: this is -k1."
        for estimate in (-d, np.expm1(d) - d):
            yield p * estimate, "weighed by p once more; samples of p come as often as p says already."


def _shown(values: Array) -> str:
    return f"{values.tolist()}" if values.size <= 9 else f"numbers of shape {list(values.shape)}"
