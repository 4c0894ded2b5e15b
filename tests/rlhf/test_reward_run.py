"""Training on comparisons: batches, the measure, going on to the same numbers, and a known reward found again."""

import dataclasses
import itertools
import math
import random

import pytest
import torch

from labkit.gpt import GPT, GPTConfig
from labkit.rlhf.calibration import fit_temperature
from labkit.rlhf.preferences import Comparison, SimulatedLabeller
from labkit.rlhf.reward_fit import held_out, margins
from labkit.rlhf.reward_model import bradley_terry_loss, reward_config
from labkit.rlhf.reward_run import Pairs, RewardRun, agreed
from labkit.tokenizers import CharTokenizer
from labkit.training.lm_config import LMConfig

TOKENIZER = CharTokenizer.train("abcdefgh\n")
MODEL = reward_config(TOKENIZER.vocab_size, block_size=9, n_layer=1, n_head=2, n_embd=16)
SETTINGS = LMConfig(max_steps=8, batch_size=8, warmup_steps=2, eval_every=4, precision="float32", device="cpu")


def vowels(text):
    return float(sum(letter in "ae" for letter in text))


def texts(n, seed):
    rng = random.Random(seed)
    return ["".join(rng.choices("abcdefgh", k=rng.randint(2, 8))) for _ in range(n)]


def answers(n, seed, scale=1.0):
    """Of a labeller that says a with probability sigmoid(vowels of a - vowels of b)."""
    drawn = texts(2 * n, seed)
    return SimulatedLabeller(vowels, scale=scale).label(zip(["\n"] * n, drawn[:n], drawn[n:], strict=True))


TRAIN, VALIDATION = answers(2000, 0), answers(300, 1)
FEW = TRAIN[:50]


def run_of(model=MODEL, train=FEW, validation=VALIDATION[:20], **changes):
    return RewardRun(model, TOKENIZER, train, validation, dataclasses.replace(SETTINGS, **changes))


def test_a_fresh_causal_model_learns_although_all_texts_end_alike():
    marked = [dataclasses.replace(each, a=each.a[:6] + "\n", b=each.b[:6] + "\n") for each in FEW]
    run = run_of(model=MODEL, train=marked, validation=marked[:20], max_steps=3)
    assert all(step.grad_norm > 0 for step in run)


@pytest.fixture(scope="module")
def trained():
    run = run_of(
        train=TRAIN, validation=VALIDATION, max_steps=200, batch_size=32, lr=0.01, optimizer="adamw", eval_every=25
    )
    list(run)
    return run


def test_a_known_reward_is_found_again(trained):
    fresh = ["\n" + text for text in texts(400, 5)]
    true = torch.tensor([vowels(text) for text in fresh])
    assert torch.corrcoef(torch.stack((trained.reward_model().score(fresh), true)))[0, 1] > 0.8
    answered = answers(1500, 6)
    fit = held_out(trained.reward_model(), answered)
    best = held_out(TrueReward(), answered)  # nobody guesses the labeller's errors
    assert best.accuracy - 0.06 < fit.accuracy < best.accuracy + 0.01
    assert -math.log(2) + 0.05 < fit.log_likelihood < best.log_likelihood
    assert best.ece < 0.05


class TrueReward:
    """The reward that the labeller has."""

    def score(self, texts):
        return torch.tensor([vowels(text) for text in texts])


@pytest.mark.parametrize("scale", [0.5, 2.0])
def test_the_temperature_of_the_labeller_comes_back(scale):
    """Given the true reward, what is fitted is the scale of the noise."""
    found = fit_temperature(*margins(TrueReward(), answers(4000, 7, scale)))
    assert found == pytest.approx(scale, rel=0.1)


def test_it_reports_what_held_out_finds(trained):
    step, validation = trained.best
    extra = trained.history[step - 1].extra
    fit = held_out(trained.reward_model(), VALIDATION)
    assert extra["validation"] == validation == pytest.approx(-fit.log_likelihood, abs=1e-5)
    assert extra["accuracy"] == pytest.approx(fit.accuracy)
    assert math.isnan(trained.history[0].extra["accuracy"])
    training = [
        text for each in TRAIN if each.choice != "skip" for text in (each.prompt + each.a, each.prompt + each.b)
    ]
    assert trained.reward_model().score(training).mean().item() == pytest.approx(0, abs=1e-4)


def test_the_side_of_a_text_makes_no_difference():
    sides = [run_of(train=pairs) for pairs in (FEW, [each.mirrored for each in FEW])]
    for run in sides:
        list(run)
    assert [step.loss for step in sides[1].history] == pytest.approx([step.loss for step in sides[0].history], abs=1e-4)


@pytest.mark.parametrize("accumulate", [1, 2])
def test_the_step_descends_the_loss_of_its_pairs(accumulate):
    """The first gradient is that of the loss over single texts, each read alone."""
    model = MODEL.changed(zero_init=False)
    run, twin = (run_of(model, accumulate=accumulate, grad_clip=0.0) for _ in range(2))
    tokens, targets, real = run.next_batch(8)
    rewards = [run.model(tokens[i, side, real[i, side]][None])[0] for i in range(8) for side in (0, 1)]
    loss = bradley_terry_loss(torch.stack(rewards[::2]), torch.stack(rewards[1::2]), targets)
    loss.backward()
    step = next(twin)
    norm = torch.stack([p.grad.norm() for p in run.model.parameters() if p.grad is not None]).norm()
    assert step.loss == pytest.approx(loss.item(), rel=1e-5)
    assert step.grad_norm == pytest.approx(norm.item(), rel=1e-4)
    assert step.tokens == 8


def test_batches_have_each_pair_with_its_own_answer():
    skipped = dataclasses.replace(FEW[0], choice="skip")
    tie = dataclasses.replace(FEW[1], choice="tie")
    run = run_of(train=[skipped, tie, *FEW])
    assert (len(run.train), run.train.skipped) == (51, 1)
    expected = sorted(
        (each.prompt + each.a, each.prompt + each.b, {"a": 1.0, "b": 0.0, "tie": 0.5}[each.choice])
        for each in [tie, *FEW]
    )
    seen = []
    while run.order.used < 51:
        tokens, targets, real = run.next_batch(8)
        assert tokens.shape == real.shape == (len(targets), 2, tokens.shape[2])
        for pair, target, kept in zip(tokens, targets.tolist(), real, strict=True):
            seen.append((*(TOKENIZER.decode(ids[mask].tolist()) for ids, mask in zip(pair, kept, strict=True)), target))
    assert sorted(seen) == expected


def test_a_resumed_run_is_the_uninterrupted_one(tmp_path):
    model = MODEL.changed(dropout=0.2)
    whole, run = run_of(model, accumulate=2), run_of(model, accumulate=2)
    list(whole)
    list(itertools.islice(run, 5))
    resumed = run_of(model, accumulate=2).load(run.save(tmp_path / "run.safetensors"))
    list(resumed)
    assert [step.loss for step in resumed.history] == [step.loss for step in whole.history]
    assert [step.extra for step in resumed.history][3::4] == [step.extra for step in whole.history][3::4]
    assert all(torch.equal(p, q) for p, q in zip(resumed.model.parameters(), whole.model.parameters(), strict=True))
    assert resumed.best == whole.best
    with pytest.raises(ValueError, match="comparisons with another train"):
        run_of(model, train=FEW[:-1]).load(tmp_path / "run.safetensors")


def test_it_begins_with_a_language_models_trunk_or_a_reward_model_and_leaves_both():
    lm = GPT(GPTConfig.preset("modern", TOKENIZER.vocab_size, block_size=9, n_layer=1, n_head=2, n_embd=16), seed=4)
    before = [p.clone() for p in lm.parameters()]
    run = run_of(lm)
    tokens = torch.tensor([[0, 1, 2]])
    assert torch.equal(run.model.hidden(tokens), lm.hidden(tokens))
    list(run)
    assert not torch.equal(run.model.hidden(tokens), lm.hidden(tokens))
    more = run_of(run.reward_model().model)
    assert torch.equal(more.model(tokens), run.best_model()(tokens))
    run.reset()
    assert torch.equal(run.model.hidden(tokens), lm.hidden(tokens))
    assert all(torch.equal(p, q) for p, q in zip(lm.parameters(), before, strict=True))


def test_agreement_by_hand():
    gap = torch.tensor([2.0, -1.0, 0.5, 0.0, -3.0])
    targets = torch.tensor([1.0, 1.0, 0.5, 0.0, 0.0])
    assert agreed(gap, targets) == (1 + 0 + 0.5 + 1) / 4
    assert math.isnan(agreed(gap[2:3], targets[2:3]))


@pytest.mark.parametrize(
    ("work", "words"),
    [
        (lambda: run_of(MODEL.changed(head="lm")), "head 'regression', got 'lm'"),
        (lambda: run_of(MODEL.changed(block_size=5)), "training texts are longer than 5 tokens"),
        (lambda: run_of(MODEL.changed(vocab_size=3)), "training texts have the id"),
        (lambda: run_of(train=[]), r"no comparison to train on \(0 were skipped\)"),
        (lambda: run_of(train=[Comparison("", "a", "b", "skip")]), r"no comparison to train on \(1 were skipped\)"),
        (lambda: run_of(validation=[]), "a validation comparison at least"),
        (lambda: run_of(train=[Comparison("", "a", "", "a")]), "text 1 is empty"),
        (lambda: Pairs([Comparison("", "a", "x", "a")], TOKENIZER), "text 1, 'x': character 'x'"),
    ],
)
def test_what_cannot_be_is_refused(work, words):
    with pytest.raises(ValueError, match=words):
        work()
