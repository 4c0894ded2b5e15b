"""Sick and healthy models: what is wrong with them is known, because we made it so."""

import copy
import dataclasses
import math
import random
from functools import cache

import pytest

from labkit.arena.diagnose import Diagnosis, diagnose, measurements
from labkit.arena.findings import no_progress
from labkit.arena.measure import entropy_of_tokens, probe_documents
from labkit.data import load_names
from labkit.training import BackgroundRun, Control, Diverged, ScalarGPTRun

NAMES = load_names()
DOCUMENTS = [NAMES.encode(name) for name in NAMES.train]


def new(lr=0.01, n_embd=8, n_layer=1, seed=1, documents=DOCUMENTS):
    run = ScalarGPTRun(documents, 27, n_layer, n_embd, 4, 16, 0.01, seed)
    run.controls.specs["lr"] = Control("lr", 0.01, 1e-9, 100.0, log=True)  # lower than a learner may go
    run.controls["lr"] = lr
    return run


def train(run, steps):
    try:
        for _ in range(steps):
            next(run)
    except Diverged:
        pass
    return run


CHECKPOINTS = (5, 20, 60)


@cache
def trained_state(steps, **kwargs):
    """Each kind is trained once: what needs more steps goes on from an earlier checkpoint."""
    run, before = new(**kwargs), [n for n in CHECKPOINTS if n < steps]
    if before:
        run.load_state_dict(copy.deepcopy(trained_state(before[-1], **kwargs)))
    return train(run, steps - run.step).state_dict()


def trained(steps, **kwargs):
    """A run after `steps` steps."""
    run = new(**kwargs)
    run.load_state_dict(copy.deepcopy(trained_state(steps, **kwargs)))
    return run


def scaled(run, factor, part=""):
    for name, rows in run.model.state_dict.items():
        if part in name:
            for row in rows:
                for p in row:
                    p.data *= factor
    return run


def silenced(run):
    """Every unit of the MLP sees a large constant with a negative weight."""
    for row in run.model.state_dict["wte"]:
        row[0].data = 1.0
    for row in run.model.state_dict["layer0.mlp_fc1"]:
        row[0].data = -abs(row[0].data) - 1
    return run


def with_nan(run):
    run.model.state_dict["wpe"][0][0].data = math.nan
    return run


def noise(n=500):
    """Words without anything to learn: every letter and the end are equally likely."""
    rng = random.Random(0)
    return [[26, *(rng.randrange(27) for _ in range(8))] for _ in range(n)]


SICK = {
    # the learning rate is to blame for all that follows from it
    "lr 100, 20 steps": (lambda: trained(20, lr=100.0), "learning_rate_too_high"),
    "lr 10, untrained": (lambda: new(lr=10.0), "learning_rate_too_high"),
    "lr 10, 5 steps": (lambda: trained(5, lr=10.0), "learning_rate_too_high"),
    "lr 10, 60 steps": (lambda: trained(60, lr=10.0), "learning_rate_too_high"),
    "lr 10, 100 steps": (lambda: trained(100, lr=10.0), "learning_rate_too_high"),
    "lr 10, 60 steps, width 16": (lambda: trained(60, lr=10.0, n_embd=16), "learning_rate_too_high"),
    "lr 1, 20 steps": (lambda: trained(20, lr=1.0), "learning_rate_too_high"),
    "lr 1, 100 steps": (lambda: trained(100, lr=1.0), "learning_rate_too_high"),
    "lr 0.1, 20 steps": (lambda: trained(20, lr=0.1), "learning_rate_too_high"),
    "lr 0.1, 60 steps, width 16": (lambda: trained(60, lr=0.1, n_embd=16), "learning_rate_too_high"),
    "lr 1e-4, 100 steps": (lambda: trained(100, lr=1e-4), "learning_rate_too_low"),
    "lr 1e-6, 60 steps": (lambda: trained(60, lr=1e-6), "learning_rate_too_low"),
    "random letters": (lambda: train(new(documents=noise()), 60), "no_progress"),
    "weights × 100": (lambda: scaled(new(), 100), "exploding_gradients"),
    "weights × 100, then 20 steps": (lambda: train(scaled(new(), 100), 20), "exploding_gradients"),
    "20 steps, then weights × 100": (lambda: scaled(trained(20), 100), "exploding_gradients"),
    "20 steps, weights × 10, 10 steps": (lambda: train(scaled(trained(20), 10), 10), "exploding_gradients"),
    "head × 1000": (lambda: scaled(trained(20), 1000, "lm_head"), "exploding_gradients"),
    "weights × 1e-4": (lambda: scaled(new(), 1e-4), "vanishing_gradients"),
    "20 steps, then weights × 1e-4": (lambda: scaled(trained(20), 1e-4), "vanishing_gradients"),
    "head = 0": (lambda: scaled(new(), 0, "lm_head"), "vanishing_gradients"),
    "fc1 = 0": (lambda: scaled(new(), 0, "mlp_fc1"), "dead_neurons"),
    "fc1 = 0, then 20 steps": (lambda: train(scaled(new(), 0, "mlp_fc1"), 20), "dead_neurons"),
    "units silenced": (lambda: silenced(trained(20)), "dead_neurons"),
    "units silenced, 30 steps": (lambda: train(silenced(trained(20)), 30), "dead_neurons"),
    "second layer silenced": (lambda: scaled(trained(20, n_layer=2), 0, "layer1.mlp_fc1"), "dead_neurons"),
    "a weight is nan": (lambda: with_nan(new()), "not_finite"),
    "a weight is nan, then a step": (lambda: train(with_nan(trained(25)), 5), "not_finite"),
    "weights × 1e200": (lambda: scaled(new(), 1e200), "not_finite"),
    "head × 1e308": (lambda: scaled(trained(20), 1e308, "lm_head"), "not_finite"),
}


@pytest.mark.parametrize(("make", "kind"), SICK.values(), ids=SICK)
def test_the_cause_comes_first(make, kind):
    diagnosis = diagnose(make())
    assert diagnosis.kind == kind, str(diagnosis)
    assert not diagnosis.healthy
    first = diagnosis.findings[0]
    assert first.evidence
    assert first.remedy.endswith(".")
    assert all(isinstance(x, float) for x in first.numbers.values())
    assert f"1. {kind.replace('_', ' ')}" in str(diagnosis)


HEALTHY = [
    {"n_embd": 8, "seed": 1},
    {"n_embd": 8, "seed": 2},
    {"n_embd": 8, "n_layer": 2, "seed": 3},
    {"n_embd": 12, "lr": 0.02, "seed": 4},
]


@pytest.mark.parametrize("kwargs", HEALTHY, ids=str)
def test_a_healthy_model_raises_no_alarm(kwargs):
    run = new(**kwargs)
    verdicts = {}
    for steps in (0, 20, 100, 300):
        train(run, steps - run.step)
        verdicts[steps] = diagnose(run)
    assert [str(d) for d in verdicts.values() if d.findings] == []
    assert verdicts[0].kind == "too_early"
    assert verdicts[20].kind in ("too_early", "healthy")
    assert verdicts[100].healthy
    assert verdicts[300].healthy


@pytest.mark.parametrize(
    ("kwargs", "steps"), [({"n_embd": 16}, 100), ({"n_embd": 24}, 20), ({"n_embd": 4}, 100)], ids=str
)
def test_models_of_other_sizes_raise_no_alarm(kwargs, steps):
    run = new(**kwargs)
    assert diagnose(run).kind == "too_early"
    assert diagnose(train(run, steps)).findings == ()


@pytest.mark.parametrize(("lr", "steps"), [(0.01, 0), (0.01, 5), (1e-4, 20), (1e-6, 40), (0.001, 19)])
def test_it_says_when_it_is_too_early(lr, steps):
    diagnosis = diagnose(trained(steps, lr=lr))
    assert diagnosis.kind == "too_early"
    assert not diagnosis.healthy
    assert "too early" in str(diagnosis)


def test_a_head_of_zeros_heals_itself():
    run = scaled(new(), 0, "lm_head")
    (finding,) = diagnose(run).findings
    assert finding.severity == "warning"
    assert "Only zeros in lm_head" in finding.evidence
    assert diagnose(train(run, 50)).healthy


def test_a_learning_rate_turned_up_and_back_is_still_the_cause():
    run = trained(60)
    assert diagnose(run).healthy
    run.controls["lr"] = 10.0
    assert diagnose(run).kind == "learning_rate_too_high"  # before any harm is done
    train(run, 5)
    run.controls["lr"] = 0.01
    diagnosis = diagnose(train(run, 5))
    assert diagnosis.kind == "learning_rate_too_high"
    assert diagnosis.findings[0].numbers["lr"] == 10.0


def test_no_progress_is_not_said_where_something_critical_explains_it():
    assert "no_progress" not in [finding.kind for finding in diagnose(trained(60, lr=10.0)).findings]
    run = train(scaled(new(documents=noise()), 0, "lm_head"), 60)
    assert [finding.kind for finding in diagnose(run).findings] == ["no_progress"]


def test_a_loss_that_rises_again():
    run = trained(100)
    for i in range(60):
        last = run.history[-1]
        run.history.append(type(last)(last.step + 1, 4.0 + 0.01 * (i % 7), 0.01, 5, 2.0, 0.01))
    run.model.step_count = run.step
    (finding,) = diagnose(run).findings
    assert finding.kind == "no_progress"
    assert finding.numbers["window_loss"] > finding.numbers["best_window"] + 1


def test_a_divergence_is_remembered():
    run = with_nan(trained(25))
    with pytest.raises(Diverged) as raised:
        next(run)
    assert diagnose(run, error=raised.value).kind == "not_finite"
    run.load_state_dict(copy.deepcopy(trained_state(25)))  # whole again, but the caller still has the error
    diagnosis = diagnose(run, error=raised.value)
    assert diagnosis.kind == "not_finite"
    assert "step 26" in diagnosis.findings[0].evidence
    run.stopped_because = "diverged"  # as an AgentRun says it
    assert diagnose(run).kind == "not_finite"


# -- the measurements


def test_the_probe_changes_nothing():
    run = trained(7)
    model = run.model
    next(run)  # gradients of a real step
    rng = model.rng.getstate()
    before = (run.state_dict(), [p.grad for p in model.params], [p.data for p in model.params], list(model.m))
    assert any(before[1])
    diagnose(run)
    assert (run.state_dict(), [p.grad for p in model.params], [p.data for p in model.params], list(model.m)) == before
    assert model.rng.getstate() == rng
    twin = trained(7)
    next(twin)
    assert next(run).loss == next(twin).loss


def test_the_same_run_gives_the_same_numbers():
    assert measurements(trained(5)) == measurements(trained(5))


def test_the_gradients_are_those_of_the_mean_loss():
    run = trained(5)
    documents = DOCUMENTS[:3]
    m = measurements(run, documents)
    model = run.model
    assert m.probe_loss == pytest.approx(sum(model.loss(d).data for d in documents) / 3, abs=1e-12)
    assert [name for name in m.matrices] == list(model.state_dict)
    for name, row, column in (("wte", 26, 1), ("layer0.attn_wo", 2, 3), ("layer0.mlp_fc1", 0, 0), ("lm_head", 5, 7)):
        weight, step = model.state_dict[name][row][column], 1e-5
        weight.data += step
        up = sum(model.loss(d).data for d in documents) / 3
        weight.data -= 2 * step
        down = sum(model.loss(d).data for d in documents) / 3
        weight.data += step
        measured = m.matrices[name].gradients[row * len(model.state_dict[name][0]) + column]
        assert measured == pytest.approx((up - down) / (2 * step), rel=1e-4, abs=1e-9)


def test_norms_and_ratios_are_those_of_numpy_and_of_the_next_step():
    np = pytest.importorskip("numpy")
    run = trained(5)
    m = measurements(run)
    before = {name: np.array([[p.data for p in row] for row in rows]) for name, rows in run.model.state_dict.items()}
    next(run)
    for name, rows in run.model.state_dict.items():
        x = m.matrices[name]
        update = np.array([[p.data for p in row] for row in rows]) - before[name]
        assert x.weight_rms == pytest.approx(np.sqrt((before[name] ** 2).mean()))
        assert x.update_ratio == pytest.approx(np.linalg.norm(update) / np.linalg.norm(before[name]))
        assert x.update_rms == pytest.approx(np.sqrt((update**2).mean()))
        assert x.gradient_norm == pytest.approx(np.linalg.norm(x.gradients))
        assert x.gradient_rms == pytest.approx(np.linalg.norm(x.gradients) / math.sqrt(update.size))
    assert m.gradient_norm == pytest.approx(np.linalg.norm([x.gradient_norm for x in m.matrices.values()]))


def test_adams_first_update_is_the_learning_rate():
    m = measurements(new(lr=10.0))
    for name in ("layer0.attn_wv", "layer0.mlp_fc2"):
        assert m.matrices[name].update_rms == pytest.approx(10, rel=0.05)


def test_units_are_dead_where_their_row_is_zero():
    run = new()
    for row in run.model.state_dict["layer0.mlp_fc1"][:8]:
        for p in row:
            p.data = 0.0
    assert measurements(run).dead == {0: pytest.approx(8 / 32)}


def test_references():
    assert measurements(new()).guess_loss == pytest.approx(math.log(27))
    assert entropy_of_tokens([[0, 1, 2], [0, 1, 2]]) == pytest.approx(math.log(2))  # the first is not predicted
    assert entropy_of_tokens([[5, 1, 1], [7, 1]]) == 0


def test_the_probe_is_spread_out_and_small_for_large_models():
    documents = [[0, i, 0] for i in range(1000)]
    probe = probe_documents(documents, 1000, 16)
    assert len(probe) == 32
    assert [d[1] for d in probe[:3]] == [0, 31, 62]
    assert len(probe_documents(documents, 10_000_000, 16)) == 4
    assert probe_documents(documents[:2], 1000, 16) == documents[:2]


@pytest.mark.parametrize(("documents", "message"), [([], "at least one document"), ([[26, 99]], "outside the vocab")])
def test_a_probe_that_cannot_be(documents, message):
    with pytest.raises(ValueError, match=message):
        diagnose(new(), documents)


def test_it_reads_a_run_that_trains_in_a_thread():
    run = trained(5)
    driver = BackgroundRun(run)
    driver.train()
    try:
        diagnoses = [diagnose(run, DOCUMENTS[:4]) for _ in range(5)]
    finally:
        driver.stop(wait=True)
    assert all(isinstance(d, Diagnosis) and math.isfinite(d.loss) for d in diagnoses)
    losses = [step.loss for step in run.history]
    twin = train(new(), len(losses))
    assert losses == [step.loss for step in twin.history]


def test_where_the_decay_is_the_cause_a_higher_rate_is_no_remedy():
    """`GameGPT.train_step` takes lr · (1 - step / 5000) and next to nothing after that."""
    run = trained(60, lr=1e-4)
    old = run.history[-1]
    run.history[-1] = dataclasses.replace(old, step=6000)
    run.model.step_count = 6000
    run.controls["lr"] = 0.05
    [finding] = diagnose(run).findings
    assert finding.kind == "learning_rate_too_low"
    assert "Raise the learning rate" not in finding.remedy
    assert "after 5,000 steps" in finding.remedy
    assert "fresh model" in finding.remedy


def test_a_rate_that_is_high_already_is_not_to_be_raised_to_a_lower_one():
    m = measurements(trained(60, lr=1e-4))
    assert "Raise the learning rate to 0.01" in no_progress(m).remedy
    finding = no_progress(dataclasses.replace(m, lr=0.05))
    assert finding.kind == "no_progress"
    assert "Raise" not in finding.remedy
