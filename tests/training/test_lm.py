"""The run of a GPT in torch: it resumes to the same bits, goes back when it diverges, and stops early."""

import contextlib
import dataclasses
import itertools
import math
import shutil

import numpy as np
import pytest
import torch

from labkit.gpt import GPT, GPTConfig
from labkit.gpt.tensor_file import read_tensors, write_tensors
from labkit.training import Diverged
from labkit.training.lm import LMRun
from labkit.training.lm_config import LMConfig
from labkit.training.tokens import TokenData

RNG = np.random.default_rng(3)
DATA = TokenData.from_ids((np.arange(400) * 3 % 7).tolist() + RNG.integers(0, 7, 40).tolist(), RNG.integers(0, 7, 90))
MODEL = GPTConfig.preset("modern", 7, block_size=8, n_layer=1, n_head=2, n_embd=16)
CONFIG = LMConfig(max_steps=12, batch_size=4, warmup_steps=2, eval_every=3, precision="float32", device="cpu")


def run_of(config=None, model=MODEL, data=DATA, write=None, **changes):
    return LMRun(model, data, dataclasses.replace(CONFIG, **changes) if config is None else config, write)


def numbers(run):
    """What must repeat bit for bit: everything but the time that a step took (nan counts as itself)."""
    rows = [dataclasses.asdict(step) for step in run.history]
    return [repr({name: x for name, x in row.items() if name != "seconds"}) for row in rows]


def assert_same(run, other):
    assert numbers(run) == numbers(other)
    ours, theirs = run.get_state(), other.get_state()
    tensors, others = ours.pop("tensors"), theirs.pop("tensors")
    assert ours == theirs
    assert tensors.keys() == others.keys()
    assert all(torch.equal(tensors[name], others[name]) for name in tensors)


# -- resuming

KINDS = {
    "muon": {},
    "adamw": {"optimizer": "adamw", "schedule": "cosine"},
    "accumulated": {"accumulate": 4, "schedule": "linear"},
    "bfloat16": {"precision": "bfloat16"},
    "adamw in bfloat16": {"precision": "bfloat16", "optimizer": "adamw"},
    "with samples": {"sample_every": 2},
    "stops early": {"patience": 2, "lr": 0.5, "eval_every": 1, "max_steps": 30},
    "never evaluated": {"eval_every": 0},
}


def write(model, seed):
    return " ".join(f"{x:.6f}" for x in model(torch.tensor([[seed % 7]])).flatten().tolist())


@pytest.mark.parametrize("dropout", [0.0, 0.3])
@pytest.mark.parametrize("kind", KINDS)
def test_a_resumed_run_is_the_uninterrupted_one_bit_for_bit(kind, dropout, tmp_path):
    model = MODEL.changed(dropout=dropout)
    whole = run_of(model=model, write=write, **KINDS[kind])
    whole_history = list(whole)
    torch.manual_seed(99)  # the global random state is nobody's business
    for saved_at in (0, 1, 5, len(whole_history)):
        run = run_of(model=model, write=write, **KINDS[kind])
        list(itertools.islice(run, saved_at))
        torch.rand(saved_at)
        resumed = run_of(model=model, write=write, **KINDS[kind]).load(run.save(tmp_path / "run.safetensors"))
        assert_same(resumed, run)
        list(resumed)
        assert_same(resumed, whole)
    assert kind != "stops early" or (whole.stopped_early and whole.step < 30)


def test_changed_controls_are_resumed(tmp_path):
    def changed(run, steps):
        for number in range(run.step, steps):
            if number == 3:
                run.controls.update({"lr": 0.02, "batch_size": 7, "dropout": 0.2})
            if number == 8:
                run.controls.update({"lr": 0.001, "batch_size": 3, "dropout": 0.0})
            next(run)
        return run

    whole = changed(run_of(accumulate=2), 12)
    path = changed(run_of(accumulate=2), 6).save(tmp_path / "run.safetensors")
    resumed = run_of(accumulate=2).load(path)
    assert dict(resumed.controls) == {"lr": 0.02, "batch_size": 7, "dropout": 0.2}
    assert_same(changed(resumed, 12), whole)
    assert [step.tokens for step in whole.history] == [32] * 3 + [56] * 5 + [24] * 4


def test_a_state_goes_back_in_the_same_run_too():
    run = run_of(model=MODEL.changed(dropout=0.2))
    for _ in range(4):
        next(run)
    state = run.state_dict()
    list(run)
    first, weights = numbers(run), run.get_state()
    run.load_state_dict(state)
    list(run)
    assert numbers(run) == first
    assert all(torch.equal(t, weights["tensors"][name]) for name, t in run.get_state()["tensors"].items())


def test_a_reset_is_a_fresh_run():
    run = run_of(model=MODEL.changed(dropout=0.2))
    list(run)
    run.reset()
    assert (run.step, run.best, run.samples, run.stopped_early) == (0, None, [], False)
    list(run)
    assert_same(run, run_of_all(model=MODEL.changed(dropout=0.2)))


def run_of_all(**options):
    run = run_of(**options)
    list(run)
    return run


def test_the_file_holds_the_history_as_json(tmp_path):
    run = run_of_all()
    _, document = read_tensors(run.save(tmp_path / "run.safetensors", about={"text": "a"}))
    assert [row["loss"] for row in document["history"]] == [step.loss for step in run.history]
    assert document["history"][0]["extra"] == dict.fromkeys(("validation", "perplexity", "bits_per_character"))
    assert document["about"] == {"text": "a"}


def damaged(change):
    def write_damaged(run, path):
        tensors, document = read_tensors(run.save(path))
        change(tensors, document)
        write_tensors(path, tensors, document)

    return write_damaged


WRONG = {
    "another width": (lambda t, d: d["state"]["model"].update(n_embd=32), "a model with another n_embd .32, not 16."),
    "another seed": (lambda t, d: d["state"]["config"].update(seed=5), "a run with another seed .5, not 0."),
    "another optimiser": (lambda t, d: d["state"]["config"].update(optimizer="adamw"), "another optimizer"),
    "another text": (lambda t, d: d["state"]["data"].update(train=441), "a text with another train .441, not 440."),
    "a weight less": (lambda t, d: t.pop("model.wte.weight"), "missing weights: wte.weight"),
    "a weight more": (lambda t, d: t.update({"model.x": torch.ones(1)}), "unknown weights: x"),
    "a best weight less": (lambda t, d: t.pop("best.wte.weight"), "missing weights: wte.weight"),
    "a weight's shape": (
        lambda t, d: t.update({"model.wte.weight": torch.ones(7, 15)}),
        r"wte\.weight should have the shape \[7, 16\], got \[7, 15\]",
    ),
    "a memory less": (lambda t, d: t.pop("optimizer.0.0.exp_avg"), "AdamW remembers"),
    "Muon's memory": (lambda t, d: t.pop("optimizer.1.0.momentum_buffer"), "Muon remembers"),
    "a memory's shape": (lambda t, d: t.update({"optimizer.0.0.exp_avg": torch.ones(3)}), "does not fit this model"),
    "a memory too many": (lambda t, d: t.update({"optimizer.2.0.x": torch.ones(1)}), "does not fit this model"),
    "no random state": (lambda t, d: t.pop("random"), "random"),
    "half a random state": (lambda t, d: t.update(random=torch.zeros(5, dtype=torch.uint8)), "not torch's random"),
    "no place in the data": (lambda t, d: d["state"].pop("order"), "order"),
    "a best of one": (lambda t, d: d["state"].update(best=[1]), "does not fit"),
    "no state": (lambda t, d: d.pop("state"), "state"),
    "another kind": (lambda t, d: d.update(run="PointsRun"), "a state of PointsRun"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_a_state_that_does_not_fit_is_refused_and_changes_nothing(kind, tmp_path):
    change, words = WRONG[kind]
    run = run_of()
    for _ in range(4):
        next(run)
    damaged(change)(run, path := tmp_path / "run.safetensors")
    other = run_of()
    next(other)
    before, history = other.get_state(), numbers(other)
    with pytest.raises(ValueError, match=words) as error:
        other.load(path)
    assert str(error.value).startswith(str(path))
    assert numbers(other) == history
    after = other.get_state()
    assert all(torch.equal(t, after["tensors"][name]) for name, t in before["tensors"].items())


# -- steps


@pytest.mark.parametrize("batch_size", [8, 7, 5, 2, 1])
@pytest.mark.parametrize("accumulate", [2, 4, 8])
def test_parts_add_up_to_the_whole_batch(batch_size, accumulate):
    """Whatever the live batch size: uneven parts, or fewer, count by their size."""
    runs = [run_of(batch_size=8, accumulate=parts, eval_every=0) for parts in (1, accumulate)]
    gradients = []
    for run in runs:
        run.controls["batch_size"] = batch_size
        tokens, targets = run.order.batch(batch_size)
        loss = run._gradients(tokens, targets)
        gradients.append((loss, [p.grad for p in run.model.parameters()]))
    assert gradients[0][0] == pytest.approx(gradients[1][0], rel=1e-6)
    for ours, theirs in zip(gradients[0][1], gradients[1][1], strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-6)


def test_a_step_is_torchs_step_on_the_same_batch():
    """AdamW, clipping and the schedule against a loop written with torch alone."""
    changes = {"optimizer": "adamw", "schedule": "cosine", "warmup_steps": 3, "grad_clip": 0.5, "eval_every": 0}
    run, model = run_of(**changes), GPT(MODEL, seed=0)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1.0, betas=(0.9, 0.95), eps=1e-10, weight_decay=0.1)
    order = run_of(**changes).order
    for step in run:
        n = step.step
        cosine = 0.05 + 0.95 * (1 + math.cos(math.pi * (n - 3) / 9)) / 2
        lr = 0.003 * (n / 4 if n <= 3 else cosine)
        logits = model((batch := order.batch(4))[0])
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), batch[1].flatten())
        optimizer.zero_grad()
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), 0.5)
        for group in optimizer.param_groups:
            group["lr"] = lr
        optimizer.step()
        assert (step.lr, step.loss) == (pytest.approx(lr), pytest.approx(loss.item(), rel=1e-5))
        assert step.grad_norm == pytest.approx(norm.item(), rel=1e-4)
    for ours, theirs in zip(run.model.parameters(), model.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-6)


def test_it_learns():
    sequence = (np.arange(600) * 3 % 7).tolist()
    run = run_of(data=TokenData.from_ids(sequence, sequence[:100]), max_steps=60, lr=0.01, eval_every=30)
    losses = [step.loss for step in run]
    assert losses[0] == pytest.approx(math.log(7), abs=0.01)  # the head starts at zero: guessing
    assert losses[-1] < 0.2
    last = run.history[-1].extra
    assert last["validation"] == run.evaluate() < 0.2
    assert last["perplexity"] == pytest.approx(math.exp(last["validation"]))
    assert last["bits_per_character"] == pytest.approx(last["validation"] / math.log(2))


def test_evaluations_and_samples_come_when_due_and_at_the_end():
    run = run_of(eval_every=5, sample_every=4, write=lambda model, seed: f"seed {seed}", seed=100)
    evaluated = [step.step for step in run if not math.isnan(step.extra["validation"])]
    assert evaluated == [5, 10, 12]
    assert run.samples == [(step, f"seed {100 + step}") for step in (1, 2, 4, 8, 12)]


def test_measuring_does_not_change_the_training():
    plain, measured = run_of(eval_every=0), run_of(eval_every=1, sample_every=1, write=write)
    assert [step.loss for step in plain] == [step.loss for step in measured]


def test_dropout_acts_on_the_next_step_and_not_on_evaluations():
    run, same = run_of(max_steps=None, schedule="constant"), run_of(max_steps=None, schedule="constant")
    next(run), next(same)
    run.controls["dropout"] = 0.5
    assert run.evaluate() == run.evaluate() == same.evaluate()
    assert next(run).loss != next(same).loss
    assert {module.p for module in run.model.modules() if isinstance(module, torch.nn.Dropout)} == {0.5}


def test_a_config_with_very_much_dropout_has_a_control_for_it():
    assert run_of(model=MODEL.changed(dropout=0.95)).controls["dropout"] == 0.95


# -- early stopping and the best weights


def test_early_stopping_goes_back_to_the_best_weights():
    run = run_of(lr=0.5, eval_every=1, patience=3, max_steps=50)
    found = {}
    for step in run:
        found[step.step] = step.extra["validation"]
    best, nats = run.best
    assert run.stopped_early
    assert run.finished
    assert nats == found[best] == min(found.values())
    assert run.step == best + 3
    assert run.evaluate() == nats
    assert list(run) == []


def test_the_best_model_is_a_copy_of_what_was_best():
    run = run_of(lr=0.5, eval_every=1, max_steps=10)
    assert torch.equal(run.best_model().wte.weight, run.model.wte.weight)  # nothing was evaluated: as it is
    list(run)
    best = run.best_model()
    assert not best.training
    assert run_of().evaluate() != run.best[1]
    run.model = best
    assert run.evaluate() == run.best[1]


# -- diverging


def spoil(run):
    with torch.no_grad():
        run.model.wte.weight.fill_(math.nan)


def test_divergence_goes_back_to_the_last_sound_model():
    run = run_of(max_steps=None, schedule="constant", eval_every=2)
    run.guard_every = 3
    states = []
    for _ in range(5):
        states.append(run.get_state())
        next(run)
    best, weights = run.best, run._best_weights
    spoil(run)
    with pytest.raises(Diverged, match=r"step 6: the loss became nan at .* The model of step 3 is back"):
        next(run)
    state = run.get_state()
    assert all(
        torch.equal(t, states[3]["tensors"][name])
        for name, t in state["tensors"].items()
        if not name.startswith("best.")
    )
    assert state["order"] == states[3]["order"]
    assert run.step == 5
    assert (run.best, run._best_weights) == (best, weights)  # an evaluation on the way was sound
    assert best[0] == 4
    run.controls["lr"] = 0.001
    assert math.isfinite(next(run).loss)


def test_a_rate_far_too_high_ends_in_diverged_or_stays_finite():
    run = run_of(optimizer="adamw", lr=1000, grad_clip=0, warmup_steps=0, model=GPTConfig.preset("gpt2", 7, **SMALL))
    with contextlib.suppress(Diverged):
        list(run)
    assert all(math.isfinite(step.loss) for step in run.history)
    assert all(bool(torch.isfinite(p).all()) for p in run.model.parameters()) or not run.finished


SMALL = {"block_size": 8, "n_layer": 1, "n_head": 2, "n_embd": 16}


def test_a_validation_loss_of_nan_is_not_the_best(monkeypatch):
    losses = iter([math.nan, 2.0, math.nan, 1.5])
    run = run_of(eval_every=1, max_steps=4)
    monkeypatch.setattr(run, "evaluate", lambda: next(losses))
    list(run)
    assert run.best == (4, 1.5)


# -- what is refused


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"data": TokenData.from_ids([0, 7] * 20, [0, 1])}, "train tokens have the id 7, .* knows 0 … 6"),
        ({"data": TokenData.from_ids([0, 1] * 20, [0, 9])}, "validation tokens have the id 9"),
        ({"data": TokenData(np.array([0, -1] * 9), np.array([0, 1]))}, "the id -1"),
        ({"data": TokenData(np.zeros(20), np.zeros(2))}, "must be whole numbers, got float64"),
        ({"data": TokenData.from_ids([0] * 8, [0, 1])}, "a block of 8 tokens .* do not fit into 8"),
        ({"data": TokenData.from_ids([0] * 20, [0])}, "two validation tokens at least, there are 1"),
        ({"model": MODEL.changed(causal=False)}, "causal"),
        ({"model": MODEL.changed(head="regression")}, "language-model head"),
        ({"device": "tpu"}, "unknown device 'tpu'; there are: auto, cpu, cuda, mps"),
    ],
)
def test_what_cannot_be_trained_is_refused_at_once(options, words):
    with pytest.raises(ValueError, match=words):
        run_of(**options)


def test_without_evaluation_no_validation_is_needed():
    run = run_of(data=TokenData.from_ids([0, 1] * 20, []), eval_every=0, max_steps=2)
    assert [step.extra for step in run] == [{}, {}]


# -- torch.compile


@pytest.mark.skipif(not (shutil.which("g++") or shutil.which("clang++")), reason="torch.compile needs a C++ compiler")
def test_a_compiled_run_has_the_same_losses():
    plain, compiled = run_of(max_steps=2, eval_every=2), run_of(max_steps=2, eval_every=2, compile=True)
    ours, theirs = [step.loss for step in plain], [step.loss for step in compiled]
    assert ours == pytest.approx(theirs, rel=1e-4)
    assert plain.best[1] == pytest.approx(compiled.best[1], rel=1e-4)


def test_without_a_compiler_compile_is_refused(monkeypatch):
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("CXX", raising=False)
    with pytest.raises(ValueError, match=r"compile needs a C\+\+ compiler"):
        run_of(compile=True)
