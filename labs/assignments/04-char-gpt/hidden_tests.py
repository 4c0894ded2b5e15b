"""The hidden tests of assignment 4, one per graded function; labkit.grading.assignment.grade runs them.

Each gets the learner's function and the notebook's namespace. What is right comes from torch where torch has
it: its attention, its cross-entropy, its schedulers. Later functions call earlier ones; so, while one is
tested, right ones stand in for the others, and one mistake loses one function's points. Messages are for the
learner.
"""

import math
from collections.abc import Callable, Iterator, MutableMapping, Sequence
from contextlib import AbstractContextManager
from numbers import Real
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from torch import Tensor, nn

from labkit.grading.assignment import WrongAnswerError, agree, attempt, compare
from labkit.grading.hidden import Likely, expect, on_its_own, other_than
from labkit.grading.hidden_tensors import tensor_of

Namespace = MutableMapping[str, Any]

PACKAGE = ("labkit.gpt", "labkit.training", "labkit.sampling")
READY_MADE = ("scaled_dot_product_attention", "multi_head_attention_forward", "_native_multi_head_attention")
PLAIN = (1.0, None, None)
"""Temperature, top_k and top_p when nothing is said about them."""
SCHEDULERS = "torch.optim.lr_scheduler"


def test_make_batch(make_batch: Callable[..., Any], namespace: Namespace) -> None:
    """Tokens that all differ; one to five windows, first and last ones, out of order and twice; lists and tensors."""
    rng = torch.Generator().manual_seed(1)
    cases = [(6, 3, [1, 0]), (6, 3, [2]), (10, 4, [5, 0, 3, 3]), (2, 1, [0]), (60, 8, [51, 7, 0, 19, 30])]
    for n, block_size, starts in cases:
        tokens = torch.randperm(90, generator=rng)[:n]
        windows = tokens.unfold(0, block_size + 1, 1)[starts]
        inputs, targets = windows[:, :-1], windows[:, 1:]
        shape = [len(starts), block_size]
        for kind, given in (("", list(starts)), ("tensor of ", torch.tensor(starts))):
            line = f"tensor({tokens.tolist()})" if n <= 10 else f"{n} tokens"
            call = f"make_batch({line}, {kind}{starts}, {block_size})"
            arguments = tokens.clone(), given
            with _alone(namespace):
                hint = "a window and its targets fit in: the last target is tokens[start + block_size]."
                got = attempt(call, make_batch, *arguments, block_size, hint=hint)
            if not isinstance(got, (tuple, list)) or len(got) != 2:
                raise other_than(call, got, "a pair of tensors, inputs and targets,")
            rows = [
                tensor_of(f"{call}, the {name}", part, shape, torch.int64).tolist()
                for name, part in zip(("inputs", "targets"), got, strict=True)
            ]
            why = "each row has the tokens from its start on, in the order of starts."
            likely = [(targets.tolist(), "these are the targets; the inputs come first.")]
            expect(f"{call}, the inputs", rows[0], inputs.tolist(), why, likely)
            twice = [[tokens[(start + place + 2) % n].item() for place in range(block_size)] for start in starts]
            before = [[tokens[start + place - 1].item() for place in range(block_size)] for start in starts]
            capped = [[tokens[min(start + place + 2, n - 1)].item() for place in range(block_size)] for start in starts]
            likely = [
                (inputs.tolist(), "the targets are the inputs: the model would be asked what it has just been told."),
                (
                    inputs.roll(-1, dims=1).tolist(),
                    "the last target of each row is its own first token: the next token of the text lies outside "
                    "the window.",
                ),
                (twice, "the targets are two tokens later; one is needed."),
                (capped, "the targets are two tokens later; one is needed."),
                (before, "the targets are the tokens before; those after are needed."),
            ]
            why = "below each input stands the token that follows it in the text, also below the last of a row."
            expect(f"{call}, the targets", rows[1], targets.tolist(), why, likely)
            compare(f"the tokens after {call}", arguments[0].tolist(), tokens.tolist(), "leave them as they were.")


def test_causal_attention(causal_attention: Callable[..., Any], namespace: Namespace) -> None:
    """One to seven positions, widths 1 to 16, several heads, scores in the thousands; gradients."""
    rng = torch.Generator().manual_seed(2)
    cases = [((1, 1, 3, 4), 1.0), ((2, 3, 5, 4), 1.0), ((1, 2, 7, 1), 1.0), ((2, 1, 4, 16), 2.0), ((1, 1, 1, 3), 1.0)]
    cases += [((1, 2, 3, 3), 50.0)]
    for shape, size in cases:
        call = f"causal_attention of q, k and v of shape {list(shape)}" + (", large scores" if size > 9 else "")
        parts = [size * torch.randn(shape, generator=rng, dtype=torch.float64) for _ in range(2)]
        parts.append(torch.randn(shape, generator=rng, dtype=torch.float64))
        given = [part.clone().requires_grad_() for part in parts]
        with _alone(namespace):
            got = tensor_of(call, attempt(call, causal_attention, *given), list(shape), torch.float64)
        names = ("q", "k", "v")
        for name, part, copy in zip(names, parts, given, strict=True):
            if not torch.equal(part, copy):
                raise WrongAnswerError(
                    f"{call}\n    {name} has changed: make new tensors, without methods ending in _."
                )
        leaves = [part.clone().requires_grad_() for part in parts]
        expected = F.scaled_dot_product_attention(*leaves, is_causal=True)
        if not torch.allclose(got, expected, rtol=1e-7, atol=1e-9):
            for answer, sentence in _likely_attention(*parts):
                if torch.allclose(got, answer, rtol=1e-6, atol=1e-8, equal_nan=True):
                    raise WrongAnswerError(f"{call}\n    {sentence}")
            wrong = ~torch.isclose(got, expected, rtol=1e-7, atol=1e-9).all(dim=-1)
            batch, head, place = wrong.nonzero()[0].tolist()
            why = f"it is v at 0 … {place}, weighted by the softmax of q · k / sqrt(D) over these."
            if got.isnan().any():
                why += " exp overflows above 709; softmax(dim=-1) takes the largest score from all of them first."
            one = f"{call}, sequence {batch}, head {head}, position {place}"
            compare(one, got[batch, head, place].tolist(), expected[batch, head, place].tolist(), why, 1e-7)
        if not got.requires_grad:
            raise WrongAnswerError(f"{call}\n    the result has no gradient: leave out .data, .detach() and no_grad.")
        weights = torch.randn(shape, generator=rng, dtype=torch.float64)
        mine, theirs = (
            torch.autograd.grad(out, tensors, weights, allow_unused=True)
            for out, tensors in ((got, given), (expected, leaves))
        )
        for name, gradient, right in zip(names, mine, theirs, strict=True):
            if gradient is None or not torch.allclose(gradient, right, rtol=1e-6, atol=1e-9):
                raise WrongAnswerError(
                    f"{call}\n    the gradient to {name} is not right, though the output is: it passes through the "
                    "softmax and both products; no number may be taken out of its tensor on the way."
                )


def test_lr_at(lr_at: Callable[..., Any], namespace: Namespace) -> None:
    """Warm-ups of 0 to 100 steps, ends at 0 and above; every step of short schedules, and steps after the end."""
    cases = [(1.0, 0.0, 4, 12), (0.5, 0.1, 3, 10), (1.0, 0.25, 0, 8), (1.0, 0.0, 1, 5), (3e-4, 3e-5, 10, 11)]
    cases += [(0.02, 0.001, 100, 400)]
    for high, low, warmup, last in cases:
        rates = _rates(high, low, warmup, last)
        steps = range(1, last + 1) if last < 20 else (1, 50, 99, 100, 101, 173, 250, 399, 400)
        for step in (*steps, last + 1, last + 7, 3 * last):
            call = f"lr_at({step}, max_lr={high}, min_lr={low}, warmup_steps={warmup}, max_steps={last})"
            with _alone(namespace):
                hint = "nothing to divide by: with warmup_steps 0 there is no warm-up."
                result = attempt(call, lr_at, step, high, low, warmup, last, hint="" if warmup else hint)
            got = _number(call, result)
            done = step / last
            part = (step - warmup) / (last - warmup)
            if step < warmup:
                why = "the warm-up is a straight line: step / warmup_steps of max_lr."
                likely = [
                    (high * (step - 1) / warmup, "one step behind: step 1 has max_lr / warmup_steps, not 0."),
                    (
                        high * step / (warmup + 1),
                        "too low: at step warmup_steps the rate is max_lr, so divide by that.",
                    ),
                    (high * (step + 1) / warmup, "one step ahead: steps are numbered from 1."),
                    (low + (high - low) * step / warmup, "the warm-up begins at 0, not at min_lr."),
                    (high, "there is no warm-up."),
                ]
            else:
                why = "half a cosine from max_lr at step warmup_steps to min_lr at step max_steps, and min_lr after it."
                likely = [
                    (high * (1 + math.cos(math.pi * min(1.0, part))) / 2, "it ends at 0 in place of min_lr."),
                    (low + high * (1 + math.cos(math.pi * min(1.0, part))) / 2, "min_lr is added on top of max_lr."),
                    (
                        low + (high - low) * (1 + math.cos(math.pi * min(1.0, done))) / 2,
                        "the cosine begins at step warmup_steps, not at step 0: its progress there is 0.",
                    ),
                    (
                        low + (high - low) * (1 + math.cos(math.pi * min(1.0, (step - warmup) / last))) / 2,
                        "the cosine does not reach its end: it has max_steps - warmup_steps steps.",
                    ),
                    (
                        low + (high - low) * (1 + math.cos(math.pi * part)) / 2,
                        "after max_steps the cosine rises again; the rate has to stay at min_lr.",
                    ),
                    (
                        low + (high - low) * math.cos(math.pi / 2 * min(1.0, part)),
                        "a quarter of a cosine, steepest at the end; half a one is flat at both ends.",
                    ),
                    (high - (high - low) * min(1.0, part), "this falls in a straight line, not along a cosine."),
                    (high, "the rate does not fall."),
                ]
            expect(call, got, rates[min(step, last)], why, likely)


def test_evaluate(evaluate: Callable[..., Any], namespace: Namespace) -> None:
    """Texts of 2 to 40 tokens, with and without a short block; a model with dropout that looks back over its block."""
    for number, (n, block_size) in enumerate([(9, 3), (8, 3), (10, 3), (41, 8), (4, 10), (2, 1), (12, 1)]):
        model = _Watched(7, block_size, seed=number).train(number % 2 == 0)
        tokens = torch.randint(7, (n,), generator=torch.Generator().manual_seed(number))
        call = f"evaluate(model, {n} tokens, block_size={block_size})"
        with _alone(namespace, make_batch=_make_batch):
            hint = "the last block may be short, and its last target is the last token." if (n - 1) % block_size else ""
            result = attempt(call, evaluate, model, tokens.clone(), block_size, hint=hint)
        if isinstance(result, Tensor):
            raise WrongAnswerError(f"{call}\n    returned a tensor; a float is needed: .item() takes it out.")
        got = _number(call, result)
        if any(training for training, _ in model.calls):
            raise WrongAnswerError(
                f"{call}\n    the model was in training mode, and dropout made it worse: model.eval()."
            )
        if any(grad for _, grad in model.calls):
            raise WrongAnswerError(
                f"{call}\n    every forward pass was kept in memory for gradients that nobody asks for: "
                "with torch.no_grad(): …"
            )
        mode = "training" if model.training else "evaluation"
        if model.training != (number % 2 == 0):
            raise WrongAnswerError(
                f"{call}\n    afterwards the model is in {mode} mode, and it was not before: keep model.training, and "
                "put it back by model.train(…)."
            )
        blocks = _losses(model, tokens, block_size)
        nats = torch.cat(blocks)
        means = [block.mean().item() for block in blocks]
        whole = [block for block in blocks if len(block) == block_size]
        inner = [_losses(model, piece, block_size) for piece in tokens.split(block_size) if len(piece) > 1]
        likely = [
            (sum(means) / len(means), "this is the mean of the blocks' means: the few predictions of a short block "
             "count as much as a whole block. Add up the losses, and divide once."),
            (torch.cat(whole).mean().item() if whole else 0.0, "the short block at the end is left out."),
            (sum(torch.cat(part).sum().item() for part in inner) / max(1, sum(len(torch.cat(part)) for part in inner)),
             "the first token of each block is never predicted: its targets reach one token further."),
            (nats.sum().item(), "this is the sum of the losses; divide by the number of predictions."),
            (nats.sum().item() / n, "there are n - 1 predictions: the first token is not predicted."),
            (nats.mean().item() / math.log(2), "this is in bits; nats are needed."),
            (nats.mean().exp().item(), "this is the perplexity; its logarithm is needed, the loss in nats."),
            (torch.cat(_losses(model, tokens, block_size, shift=0)).mean().item(), "the targets are not shifted."),
        ]  # fmt: skip
        why = "every token but the first is predicted once, from its own block; the losses are added, and divided once."
        expect(call, got, nats.mean().item(), why, likely, 1e-7)


def test_sample_probabilities(sample_probabilities: Callable[..., Any], namespace: Namespace) -> None:
    """One knob alone, then several; equal logits, -inf, logits in the thousands, k beyond the vocabulary."""
    some = [-1.2, 0.7, 1.9, -0.3, 1.1, 0.2]
    steep = [math.log(p) for p in (0.125, 0.5, 0.0625, 0.25, 0.0625)]
    many = torch.randn(40, generator=torch.Generator().manual_seed(5), dtype=torch.float64).tolist()
    cases: list[tuple[list[float], tuple[float, int | None, float | None]]] = [
        (some, (1.0, None, None)),
        (some, (2.0, None, None)),
        (some, (0.5, None, None)),
        (some, (0, None, None)),
        ([1.0, 3.0, 0.0, 3.0], (0, None, None)),
        ([1000.0, 990.0, -1000.0], (0.25, None, None)),
        (some, (1.0, 3, None)),
        (some, (1.0, 1, None)),
        (some, (1.0, 50, None)),
        ([1.0, 3.0, 3.0, 3.0, 0.0], (1.0, 2, None)),
        ([0.5] * 40, (1.0, 5, None)),
        (steep, (1.0, None, 0.7)),
        (steep, (1.0, None, 0.8)),
        (steep, (1.0, None, 0.3)),
        (steep, (1.0, None, 0.01)),
        (steep, (1.0, None, 1.0)),
        ([0.0] * 4, (1.0, None, 0.6)),
        (steep, (0.5, None, 0.75)),
        (steep, (3.0, None, 0.72)),
        (steep, (1.0, 2, 0.6)),
        (many, (0.8, 10, 0.9)),
        (many, (0, 3, 0.5)),
        ([0.0, -math.inf, 1.0, -math.inf], (0.7, 3, None)),
        ([0.0, -math.inf, 1.0, -math.inf], (1.0, None, 0.9)),
    ]
    for numbers, (temperature, k, p) in cases:
        shown = f"tensor({[round(z, 4) for z in numbers]})" if len(numbers) < 9 else f"{len(numbers)} logits"
        call = f"sample_probabilities({shown}, temperature={temperature}, top_k={k}, top_p={p})"
        logits = torch.tensor(numbers, dtype=torch.float64)
        with _alone(namespace):
            result = attempt(call, sample_probabilities, logits, temperature, k, p)
        got = tensor_of(call, result, [len(numbers)], torch.float64).tolist()
        compare(f"the logits after {call}", logits.tolist(), numbers, "work on a copy: what was given stays as it was.")
        if any(map(math.isnan, got)):
            why = "do not divide by 0: at temperature 0 the largest gets 1." if temperature == 0 else "softmax is safe."
            raise WrongAnswerError(f"{call}\n    some are nan, not a number: {why}")
        expected = _filtered(numbers, temperature, k, p)
        expect(call, got, expected, *_about_sampling(numbers, temperature, k, p, got), tolerance=1e-7)


def test_generate(generate: Callable[..., Any], namespace: Namespace) -> None:
    """Short and long prompts, 0 to 20 new tokens; a model that is sure of itself, and one that is not."""
    cases: list[tuple[bool, list[int], int, int, tuple[float, int | None, float | None]]] = [
        (True, [1, 2], 6, 4, PLAIN),
        (True, [3, 1, 4, 1, 5, 9, 2, 6], 5, 4, PLAIN),
        (True, [7], 3, 8, PLAIN),
        (True, [2, 7], 0, 4, PLAIN),
        (True, [5], 4, 1, PLAIN),
        (False, [1, 2, 3], 12, 8, PLAIN),
        (False, [4, 0, 4, 0, 4, 0], 20, 5, PLAIN),
        (False, [6], 12, 5, (0.3, None, None)),
        (False, [6, 1], 12, 5, (2.0, 2, None)),
        (False, [9, 8], 12, 5, (1.5, None, 0.5)),
        (False, [9, 8], 12, 5, (0, None, None)),
    ]
    for sure, prompt, new, block_size, settings in cases:
        model = _Hashing(block_size, sure).eval()
        what = "a model that is sure of each next token" if sure else "a model that is not sure"
        how = "" if settings == PLAIN else ", temperature={}, top_k={}, top_p={}".format(*settings)
        call = f"generate({what}, ids={prompt}, max_new_tokens={new}, block_size={block_size}, rng{how})"
        texts = []
        for _ in range(2):
            ids = torch.tensor(prompt)
            with _alone(namespace, sample_probabilities=_sample_probabilities):
                hint = "show the model the last block_size tokens, as a batch of one: ids[None, -block_size:]."
                arguments = model, ids, new, block_size, torch.Generator().manual_seed(7), *settings
                got = attempt(call, generate, *arguments, hint=hint)
            compare(
                f"ids after {call}", ids.tolist(), prompt, "what was given stays as it was: torch.cat makes a new one."
            )
            texts.append(_ids(call, got, prompt, new))
        if texts[0] != texts[1]:
            raise WrongAnswerError(f"{call}\n    the same seed gives different texts: draw with generator=rng.")
        expected = _written(model, prompt, new, block_size, settings)
        likely: Likely = ()
        if texts[0] != expected:
            likely = [
                (_written(model, prompt, new, block_size, settings, **change), why) for change, why in MISREADINGS
            ]
        why = "each new token is drawn from what the model says at the last of the last block_size tokens."
        expect(call, texts[0], expected, why, likely)


# -- right ones, and wrong ones by one choice


def _make_batch(tokens: Tensor, starts: Any, block_size: int) -> tuple[Tensor, Tensor]:
    windows = torch.stack([tokens[int(start) : int(start) + block_size + 1] for start in starts])
    return windows[:, :-1], windows[:, 1:]


def _likely_attention(q: Tensor, k: Tensor, v: Tensor) -> Iterator[tuple[Tensor, str]]:
    """What causal attention gives with one mistake in it, and the sentence about it."""
    length, width = q.shape[-2:]
    raw = q @ k.transpose(-2, -1)
    scores = raw / math.sqrt(width)
    mask = torch.ones(length, length, dtype=torch.bool).tril()

    def hidden(scores: Tensor, mask: Tensor = mask, number: float = -math.inf) -> Tensor:
        return scores.masked_fill(~mask, number)

    before = scores.softmax(dim=-1).masked_fill(~mask, 0.0)
    powers = scores.exp() * mask
    yield (
        hidden(scores, mask.roll(1, dims=1) | mask).softmax(-1) @ v
        if length < 2
        else hidden(scores, torch.ones_like(mask).tril(1)).softmax(-1) @ v,
        "each position sees the next one too: the mask is off by one.",
    )
    for no_weights in (math.nan, 0.0):
        blind = hidden(scores, mask.tril(-1)).softmax(-1)
        yield (
            torch.where(blind.isnan(), no_weights, blind) @ v,
            "a position does not see itself: the mask is off by one (the diagonal is visible).",
        )
    yield scores.softmax(-1) @ v, "there is no mask: every position sees the future."
    yield (
        hidden(scores, mask.T).softmax(-1) @ v,
        "the mask is the wrong way round: each position sees only what comes after.",
    )
    yield hidden(raw).softmax(-1) @ v, "the scores are not divided by the square root of D."
    yield hidden(raw / width).softmax(-1) @ v, "the scores are divided by D, not by its square root."
    yield hidden(raw * math.sqrt(width)).softmax(-1) @ v, "the scores are multiplied by the square root of D: divide."
    yield hidden(raw / math.sqrt(length)).softmax(-1) @ v, "D is the width, the last dimension; this is the length T."
    yield (
        hidden(scores).softmax(-2) @ v,
        "the softmax is over the queries; it has to be over the keys, the last dimension: each row adds up to 1.",
    )
    yield (
        hidden(scores).flatten(-2).softmax(-1).view_as(scores) @ v,
        "the softmax is over all scores together; each row, a query, has to add up to 1.",
    )
    yield (
        before @ v,
        "masked after the softmax, the weights no longer add up to 1: mask the scores, by -inf, before it.",
    )
    yield (
        hidden(scores, number=0.0).softmax(-1) @ v,
        "a score of 0 is a score, and gets a weight: hide by -inf, before the softmax.",
    )
    yield hidden(scores, number=-10.0).softmax(-1) @ v, "some weight is left for the future: hide by -inf, not by -10."
    yield hidden(scores, number=0.0) @ v, "the scores are the weights here: the softmax is missing."
    yield powers @ v, "the weights do not add up to 1: divide by the sum of each row."


def _rates(high: float, low: float, warmup: int, last: int) -> list[float]:
    """The rates of the steps 0 … last, by torch's schedulers, one for each part."""

    def by(make: Callable[[Any], Any], count: int) -> list[float]:
        optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=high)
        scheduler = make(optimizer)
        rates = []
        for _ in range(count):
            rates.append(scheduler.get_last_lr()[0])
            optimizer.step()
            scheduler.step()
        return rates

    schedulers = torch.optim.lr_scheduler
    fall = by(lambda o: schedulers.CosineAnnealingLR(o, T_max=last - warmup, eta_min=low), last - warmup + 1)
    if warmup < 2:
        return [0.0] * warmup + fall
    rise = by(lambda o: schedulers.LinearLR(o, start_factor=1 / warmup, total_iters=warmup - 1), warmup - 1)
    return [0.0, *rise, *fall]


def _losses(model: "_Watched", tokens: Tensor, block_size: int, shift: int = 1) -> list[Tensor]:
    """For each block the losses of its predictions, by torch."""
    was_training = model.training
    model.eval()
    losses = []
    with torch.no_grad():
        for start in range(0, len(tokens) - 1, block_size):
            inputs = tokens[start : start + block_size][: len(tokens) - 1 - start]
            targets = tokens[start + shift : start + shift + len(inputs)]
            losses.append(F.cross_entropy(model(inputs[None])[0], targets, reduction="none"))
    model.train(was_training)
    model.calls.clear()
    return losses


def _filtered(logits: Sequence[float], temperature: float, k: int | None, p: float | None) -> list[float]:
    """The probabilities after temperature, top-k and top-p, in plain Python."""
    ranks = sorted(range(len(logits)), key=lambda i: (-logits[i], i))
    result = [0.0] * len(logits)
    if temperature == 0:
        result[ranks[0]] = 1.0
        return result
    ranks = ranks[:k]
    powers = {i: math.exp((logits[i] - logits[ranks[0]]) / temperature) for i in ranks}
    total = math.fsum(powers.values())
    kept, reached = [], 0.0
    for i in ranks:
        if p is not None and reached >= p:
            break
        kept.append(i)
        reached += powers[i] / total
    for i in kept:
        result[i] = powers[i] / math.fsum(powers[j] for j in kept)
    return result


def _about_sampling(
    logits: list[float], temperature: float, k: int | None, p: float | None, got: list[float]
) -> tuple[str, Likely]:
    """Why the probabilities are what they are, and what known mistakes give."""
    ranks = sorted(range(len(logits)), key=lambda i: (-logits[i], i))
    likely: list[tuple[Any, str]] = []
    if temperature == 0:
        ties = [float(z == max(logits)) for z in logits]
        likely += [
            (ties, "equal largest logits all get 1: the lowest id of them gets everything."),
            ([tie / sum(ties) for tie in ties], "equal largest logits share; the lowest id of them gets everything."),
            (_filtered(logits, 1.0, k, p), "at temperature 0 the largest logit gets 1; here it was left out."),
        ]
        return "at temperature 0 all goes to the largest logit; of equal ones, to the lowest id.", likely
    right = _filtered(logits, temperature, k, p)
    plain = _filtered(logits, temperature, None, None)
    if sum(got) < 1 - 1e-6 and agree(got, [q * (r > 0) for q, r in zip(plain, right, strict=True)], 1e-7):
        left = "what is left after top_k and top_p has to be divided by its sum."
        return "", [(got, f"these add up to {sum(got):.3g}: {left}")]
    powered = [z / temperature for z in _filtered(logits, 1.0, k, p)]
    after = [z ** (1 / temperature) for z in _filtered(logits, 1.0, k, p)]
    likely += [
        (_filtered(logits, 1 / temperature, k, p), "the logits are multiplied by the temperature: divide."),
        (_filtered(logits, 1.0, k, p), "the temperature is left out."),
        (powered, "temperature divides the logits, before the softmax; these do not even add up to 1."),
        ([z / sum(powered) for z in powered], "temperature divides the logits, before the softmax."),
        ([right[i] for i in ranks], "these are in order of likelihood; entry i has to belong to token i."),
    ]
    if k is not None:
        least = logits[ranks[min(k, len(ranks)) - 1]]
        tied = [z if z >= least else -math.inf for z in logits]
        late = {i: plain[i] for i in ranks[:k] if plain[i] * (_filtered(logits, temperature, None, p)[i] > 0)}
        likely += [
            (
                _filtered(tied, temperature, None, p),
                f"equal logits at the edge: more than {k} are left; of equal ones, those of lower id stay.",
            ),
            (_filtered([z * (i in ranks[:k]) for i, z in enumerate(logits)], temperature, None, p),
             "a logit of 0 is a logit, and gets a probability: take tokens away by -inf."),
            ([plain[i] / sum(late.values()) if i in late else 0.0 for i in range(len(logits))],
             "top_p is about what top_k has left: first top_k, then top_p of the new probabilities."),
        ]  # fmt: skip
        if agree(sorted(got), sorted(right), 1e-7):
            likely.append((got, "of equal logits those of lower id stay: argsort(descending=True, stable=True)."))
    if p is not None:
        kept = [i for i in ranks if right[i] > 0]
        without = [plain[i] * (i in kept[:-1]) for i in range(len(logits))]
        first = [z / (sum(without) or 1.0) for z in without]
        likely += [
            (first, "the token that crosses top_p is missing: it is kept."),
            (
                [float(i == ranks[0]) for i in range(len(logits))],
                "the token that crosses top_p is missing: it is kept.",
            ),
            (
                [z / (sum(after) or 1.0) for z in after],
                "temperature comes first: top_p is about the probabilities that it gives.",
            ),
        ]
    return "logits / temperature, then top_k, then top_p of what is left, then divided by the sum.", likely


def _sample_probabilities(
    logits: Tensor, temperature: float = 1.0, top_k: int | None = None, top_p: float | None = None
) -> Tensor:
    return logits.new_tensor(_filtered(logits.tolist(), temperature, top_k, top_p))


MISREADINGS: list[tuple[dict[str, Any], str]] = [
    ({"window": lambda ids, size: ids[:size]}, "it is shown the first block_size tokens; the last ones are needed."),
    ({"window": lambda ids, size: ids[-1:]}, "it is shown the last token alone; it can see block_size of them."),
    ({"window": lambda ids, size: ids[-max(1, size - 1) :]}, "it is shown one token less than it can see."),
    ({"place": 0}, "the logits at the first position were used; only those at the last are about the next token."),
    ({"greedy": True}, "the likeliest token was taken each time; draw, by torch.multinomial."),
    ({"ignore": (0, 1, 2)}, "temperature, top_k and top_p have no effect: hand them on to sample_probabilities."),
    ({"ignore": (1,)}, "top_k has no effect."),
    ({"ignore": (2,)}, "top_p has no effect."),
]
"""Changes to how `_written` goes about it, each with the sentence about it."""


def _written(
    model: nn.Module,
    prompt: list[int],
    new: int,
    block_size: int,
    settings: tuple[float, int | None, float | None],
    window: Callable[[list[int], int], list[int]] = lambda ids, size: ids[-size:],
    place: int = -1,
    greedy: bool = False,
    ignore: Sequence[int] = (),
) -> list[int]:
    """The prompt and what a model makes of it, drawn by torch with the seed of the test."""
    rng = torch.Generator().manual_seed(7)
    how = [default if i in ignore else given for i, (given, default) in enumerate(zip(settings, PLAIN, strict=True))]
    ids = list(prompt)
    for _ in range(new):
        logits = model(torch.tensor([window(ids, block_size)]))[0, place]
        probabilities = _sample_probabilities(logits, 0 if greedy else how[0], how[1], how[2])
        ids.append(int(torch.multinomial(probabilities, 1, generator=rng)))
    return ids


# -- models


class _Watched(nn.Module):
    """Remembers how it was called; what it says at a place depends on all of the block up to there."""

    def __init__(self, vocab_size: int, block_size: int, seed: int) -> None:
        super().__init__()
        rng = torch.Generator().manual_seed(seed)
        self.block_size = block_size
        self.table = nn.Parameter(torch.randn(vocab_size, vocab_size, generator=rng, dtype=torch.float64))
        self.places = nn.Parameter(torch.randn(block_size, vocab_size, generator=rng, dtype=torch.float64))
        self.dropout = nn.Dropout(0.5)
        self.calls: list[tuple[bool, bool]] = []

    def forward(self, ids: Tensor) -> Tensor:
        """Ids [B, T] -> logits [B, T, vocab_size]."""
        _check_ids(ids, self.block_size)
        self.calls.append((self.training, torch.is_grad_enabled()))
        return self.dropout(self.table[ids].cumsum(dim=1) + self.places[: ids.shape[1]])


class _Hashing(nn.Module):
    """Eleven tokens; what it says at a place depends on every token that it sees, and on where."""

    def __init__(self, block_size: int, sure: bool) -> None:
        super().__init__()
        self.block_size = block_size
        rng = torch.Generator().manual_seed(block_size)
        self.logits = 60 * torch.eye(11) if sure else torch.randn(11, 11, generator=rng, dtype=torch.float64)

    def forward(self, ids: Tensor) -> Tensor:
        """Ids [B, T] -> logits [B, T, 11]."""
        _check_ids(ids, self.block_size)
        places = torch.arange(1, ids.shape[1] + 1)
        return self.logits[((ids * places).cumsum(dim=1) + places) % 11]


def _check_ids(ids: Tensor, block_size: int) -> None:
    if ids.ndim != 2 or ids.shape[1] < 1:
        raise ValueError(f"the model takes ids of shape [B, T], got {list(ids.shape)}")
    if ids.shape[1] > block_size:
        raise ValueError(f"{ids.shape[1]} tokens are more than block_size ({block_size})")


# -- what refuses


def _alone(namespace: Namespace, **right: Callable[..., Any]) -> AbstractContextManager[None]:
    """What is the answer already, in the package or in torch, refuses meanwhile, under whatever name it is called."""
    return on_its_own(namespace, PACKAGE, also=_ready_made, how="with torch", **right)


def _ready_made(module: str, name: str) -> str:
    if name in READY_MADE:
        return f"torch's ready-made attention ({name})"
    return "torch's schedulers" if module == SCHEDULERS else ""


# -- numbers and complaints


def _number(call: str, got: Any) -> Any:
    """What the function returned, once it is sure to be a number."""
    if isinstance(got, bool) or not isinstance(got, Real):
        raise other_than(call, got, "a float")
    return got


def _ids(call: str, got: Any, prompt: list[int], new: int) -> list[int]:
    """What `generate` returned, once it is sure to be the prompt and so many new tokens."""
    if not isinstance(got, Tensor):
        raise other_than(call, got, "a tensor of ids")
    if list(got.shape) == [new] and new:
        raise WrongAnswerError(f"{call}\n    these are the new tokens alone; ids come first.")
    if got.ndim == 1 and len(got) != len(prompt) + new:
        raise WrongAnswerError(
            f"{call}\n    has {len(got)} tokens; {len(prompt) + new} are needed: all {len(prompt)} of ids, also where "
            f"the model cannot see them, and {new} new ones, one for each time that the model is asked."
        )
    text = tensor_of(call, got, [len(prompt) + new], torch.int64).tolist()
    why = "the result begins with all of ids, also where they are out of the model's sight."
    compare(f"{call}, its first {len(prompt)} tokens", text[: len(prompt)], prompt, why)
    return text
