"""The run of the route generator: the same loss in any layout, grades hidden at times, resumed bit for bit."""

import dataclasses
import itertools
import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - its usual name

from labkit.gpt.model_file import load_gpt
from labkit.routes import Board, Hold, Placement, Route, board_configs
from labkit.routes.batches import Sequences
from labkit.routes.run import RouteData, RouteRun, route_model
from labkit.routes.tokens import ANY_GRADE, RouteTokenizer
from labkit.training.checkpoints import Checkpoints
from labkit.training.lm_config import LMConfig

CONFIG = next(config for config in board_configs().values() if config.key == "TB2")
BOARD = Board(CONFIG, [Placement(i, float(5 * i - 40), float(9 * i)) for i in range(1, 13)])
TOKENIZER = RouteTokenizer.for_boards([BOARD])
MODEL = route_model(TOKENIZER.vocab_size, block_size=24, n_layer=1, n_head=2, n_embd=16, dropout=0.0)
SETTINGS = LMConfig(max_steps=9, batch_size=8, warmup_steps=2, eval_every=3, precision="float32", device="cpu")


def routes(n, seed):
    """Some holds up the wall, more of them the harder the route."""
    rng = np.random.default_rng(seed)
    for _ in range(n):
        middle = rng.choice(np.arange(2, 12), rng.integers(1, 9), replace=False).tolist()
        holds = (Hold(1, "start"), *(Hold(int(i), "middle") for i in middle), Hold(12, "finish"))
        yield Route("TB2", int(rng.choice([20, 40])), holds, 12.0 + len(middle))


DATA = RouteData.of(routes(60, 0), routes(30, 1), TOKENIZER)


def run_of(model=MODEL, data=DATA, drop_grade=0.3, width=None, **changes):
    return RouteRun(model, data, dataclasses.replace(SETTINGS, **changes), drop_grade, width=width)


def alone(model, sequences, rows):
    """The mean loss in nats of each token after the first, one sequence at a time and unpadded: (mean, tokens)."""
    losses = []
    for i in rows:
        ids = torch.tensor(sequences[i])
        losses.append(F.cross_entropy(model(ids[None, :-1])[0], ids[1:], reduction="none"))
    line = torch.cat(losses)
    return line.mean(), len(line)


def trained():
    run = run_of(lr=0.02, max_steps=5, eval_every=0)
    list(run)
    return run


def test_bucketed_and_padded_batches_have_the_loss_of_each_route_alone():
    run, padded = run_of(drop_grade=0.0), run_of(drop_grade=0.0, width=25)
    for each in (run, padded):
        each.model.load_state_dict(trained().model.state_dict())
    for _ in range(8):  # the last batch of the epoch is small
        rows = run.order.rows[run.order.used : run.order.used + 8]
        batch, wide = run.next_batch(8), padded.next_batch(8)
        assert wide[0].shape[1] == 24 > batch[0].shape[1]
        ours, theirs = run._gradients(*batch), padded._gradients(*wide)
        assert ours == pytest.approx(theirs, rel=1e-5)
        for p, q in zip(run.model.parameters(), padded.model.parameters(), strict=True):
            torch.testing.assert_close(p.grad, q.grad, rtol=1e-4, atol=1e-5)
        mean, n = alone(run.model, DATA.train, rows)
        assert ours == pytest.approx(mean.item(), rel=1e-5)
        assert n == int((batch[1] >= 0).sum()) == int((wide[1] >= 0).sum())


def test_a_step_counts_no_padding_as_tokens():
    run = run_of(max_steps=8, batch_size=8)
    steps = list(run)
    assert sum(step.tokens for step in steps) == int((DATA.train.lengths - 1).sum())  # 8 batches of 60: an epoch
    assert run.order.used == 60


@pytest.mark.parametrize("batch_size", [8, 7, 3, 1])
def test_parts_of_unequal_lengths_add_up_to_the_batch(batch_size):
    runs = [run_of(accumulate=parts) for parts in (1, 4)]
    losses = [run._gradients(*run.next_batch(batch_size)) for run in runs]
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)
    for p, q in zip(*(run.model.parameters() for run in runs), strict=True):
        torch.testing.assert_close(p.grad, q.grad, rtol=1e-4, atol=1e-6)


def test_the_validation_loss_is_that_of_each_route_alone():
    run = trained()
    assert run.evaluate() == pytest.approx(alone(run.model.eval(), DATA.validation, range(30))[0].item(), rel=1e-5)


def test_grades_are_hidden_at_times_and_never_from_the_targets():
    any_grade = TOKENIZER.ids[ANY_GRADE]
    for share, low, high in ((0.0, 0, 0), (1.0, 1, 1), (0.3, 0.15, 0.45)):
        run = run_of(drop_grade=share)
        batches = [run.next_batch(8) for _ in range(32)]
        hidden = torch.cat([tokens[:, 3] == any_grade for tokens, _ in batches])
        assert low <= hidden.double().mean() <= high
        for tokens, targets in batches:
            grades = torch.isin(targets[:, 2], torch.tensor(DATA.grades))
            assert grades.all()
            seen = tokens[:, 3] != any_grade
            assert torch.equal(tokens[seen, 3], targets[seen, 2])
            assert not (targets == any_grade).any()
            counted = targets[:, 3:-1] >= 0  # all but the grade is there as it was
            assert torch.equal(tokens[:, 4:][counted], targets[:, 3:-1][counted])


def test_a_route_without_a_grade_has_any():
    ungraded = [dataclasses.replace(route, difficulty=None) for route in routes(5, 3)]
    data = RouteData.of(ungraded, [], TOKENIZER)
    tokens, targets = run_of(data=data, eval_every=0, drop_grade=0.0).next_batch(5)
    assert set(tokens[:, 3].tolist()) == {TOKENIZER.ids[ANY_GRADE]}
    assert set(targets[:, 2].tolist()) == {-1}


PATIENT = {"patience": 2, "lr": 0.5, "eval_every": 1, "max_steps": 12}


@pytest.mark.parametrize("changes", [{"optimizer": "adamw", "accumulate": 2}, PATIENT])
def test_a_resumed_run_is_the_uninterrupted_one(changes, tmp_path):
    def fresh():
        return run_of(MODEL.changed(dropout=0.2), **changes)

    whole = fresh()
    whole.controls["drop_grade"] = 0.6
    list(whole)
    for saved_at in (1, 5):
        run = fresh()
        run.controls["drop_grade"] = 0.6
        list(itertools.islice(run, saved_at))
        resumed = fresh().load(run.save(tmp_path / "run.safetensors"))
        assert resumed.controls["drop_grade"] == 0.6
        list(resumed)
        assert [step.loss for step in resumed.history] == [step.loss for step in whole.history]
        assert all(torch.equal(p, q) for p, q in zip(resumed.model.parameters(), whole.model.parameters(), strict=True))
        assert resumed.best == whole.best
    assert whole.stopped_early == (changes is PATIENT)


def test_it_learns_reports_perplexity_and_its_files_carry_the_vocabulary(tmp_path):
    run = run_of(max_steps=80, lr=0.01, eval_every=40)
    checkpoints = Checkpoints(tmp_path / "routes.safetensors", TOKENIZER)
    checkpoints.begin(run)
    for _ in run:
        checkpoints.after_step(run)
    assert run.history[0].loss == pytest.approx(math.log(TOKENIZER.vocab_size), abs=0.5)
    last = run.history[-1].extra
    assert last["validation"] < 1.6  # a route has some freedom
    assert last["perplexity"] == pytest.approx(math.exp(last["validation"]))
    model, tokenizer, about = load_gpt(tmp_path / "routes.safetensors")
    assert tokenizer == TOKENIZER
    assert about["validation"] == run.best[1]
    with torch.no_grad():
        assert alone(model, DATA.validation, range(30))[0].item() == pytest.approx(run.best[1], rel=1e-5)
    assert list(run.frame()["perplexity"].dropna()) == [run.history[39].extra["perplexity"], last["perplexity"]]


def test_early_stopping_goes_back_to_the_best():
    run = run_of(lr=0.5, eval_every=1, patience=2, max_steps=60)
    found = {step.step: step.extra["validation"] for step in run}
    assert run.stopped_early
    assert run.best[1] == min(found.values()) == run.evaluate()


ONE = Sequences.of([[2]])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"model": MODEL.changed(causal=False)}, "causal"),
        ({"model": MODEL.changed(vocab_size=40)}, "training routes have the id .* knows 0 … 39"),
        ({"model": MODEL.changed(block_size=5)}, "of 60 training routes are longer than 6 tokens"),
        ({"data": dataclasses.replace(DATA, train=Sequences.of([]))}, "no sequence to train on"),
        ({"data": dataclasses.replace(DATA, validation=Sequences.of([]))}, "a validation route at least"),
        ({"data": dataclasses.replace(DATA, train=ONE)}, "training routes: a sequence of one token"),
        ({"model": MODEL.changed(vocab_size=999)}, "the model knows 999 tokens, the tokenizer has"),
        ({"drop_grade": 1.5}, "drop_grade"),
    ],
)
def test_what_cannot_be_trained_is_refused_at_once(options, words):
    with pytest.raises(ValueError, match=words):
        run_of(**options)


def test_a_state_of_other_routes_is_refused(tmp_path):
    path = run_of().save(tmp_path / "run.safetensors")
    other = run_of(data=RouteData.of(routes(61, 0), routes(30, 1), TOKENIZER))
    with pytest.raises(ValueError, match=r"routes with another train \(60, not 61\)"):
        other.load(path)
