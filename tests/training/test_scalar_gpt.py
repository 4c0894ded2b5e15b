"""The run of a GPT of Values: the contract of every run, and what is its own."""

import copy
import json
import math

import pytest

from labkit.scalar import GameGPT
from labkit.training import Diverged, ScalarGPTRun

DOCUMENTS = [[0, 1, 2, 0], [0, 3, 0], [0, 4, 4, 1, 3, 2, 0], [0, 2, 2, 0], [0, 1, 0]]  # the third is cut
SIZES = {"vocab_size": 5, "n_layer": 1, "n_embd": 4, "n_head": 2, "block_size": 4}


def small_run(**options):
    return ScalarGPTRun(options.pop("documents", DOCUMENTS), **SIZES | {"max_steps": 14} | options)


def weights_of(run):
    return [p.data for p in run.model.params]


def numbers(steps):
    """What must repeat bit for bit: everything but the time that a step took."""
    return [(s.step, s.loss, s.lr, s.tokens, s.grad_norm, s.extra) for s in steps]


def test_a_step_is_a_step_of_the_model_on_a_document():
    run = small_run(lr=0.03, seed=5)
    model = GameGPT(**SIZES, seed=5)
    for step in run:
        document = DOCUMENTS[run.order[(step.step - 1) % 5]]
        assert step.loss == model.train_step(document, 0.03)
        assert step.grad_norm == pytest.approx(sum(p.grad**2 for p in model.params) ** 0.5, rel=1e-12)
        assert (step.lr, step.tokens, step.extra) == (0.03, min(len(document) - 1, 4), {})
        assert weights_of(run) == [p.data for p in model.params]
    assert run.step == run.model.step_count == 14


def seen(run, monkeypatch):
    """The documents in the order in which the run learns from them."""
    documents = []
    plain = GameGPT.train_step

    def watched(model, tokens, *arguments):
        documents.append(tokens)
        return plain(model, tokens, *arguments)

    monkeypatch.setattr(GameGPT, "train_step", watched)
    list(run)
    monkeypatch.setattr(GameGPT, "train_step", plain)
    return documents


def test_the_order_is_the_seeds_and_goes_round(monkeypatch):
    orders = {}
    for seed in range(6):
        documents = seen(small_run(seed=seed), monkeypatch)
        assert sorted(documents[:5]) == sorted(DOCUMENTS)
        assert documents == (documents[:5] * 3)[:14]
        assert documents == seen(small_run(seed=seed), monkeypatch)
        orders[seed] = documents[:5]
    assert len({str(order) for order in orders.values()}) > 3
    assert any(order != DOCUMENTS for order in orders.values())


def test_the_seed_decides_the_losses():
    same, again, other = ([s.loss for s in small_run(seed=seed)] for seed in (1, 1, 2))
    assert same == again
    assert same != other


def test_it_learns():
    run = small_run(documents=[[0, 1, 2, 3, 0], [0, 1, 2, 3, 0]], lr=0.05, max_steps=60)
    losses = [s.loss for s in run]
    assert losses[0] == pytest.approx(math.log(5), abs=0.3)
    assert losses[-1] < 0.1
    assert run.sample(0, 0, temperature=0, max_len=5) == [0, 1, 2, 3, 0]


def test_the_learning_rate_acts_at_the_next_step():
    run, other = small_run(lr=0.01), small_run(lr=0.01)
    next(run)
    next(other)
    run.controls["lr"] = 0.5
    first, second = next(run), next(other)
    assert (first.lr, second.lr) == (0.5, 0.01)
    assert first.loss == second.loss  # measured before the update
    assert weights_of(run) != weights_of(other)


def test_a_reset_is_a_fresh_model():
    run = small_run(seed=3)
    first, weights = numbers(run), weights_of(run)
    run.sample(0, 1, 1.0)
    run.reset()
    assert run.history == []
    assert numbers(run) == first
    assert weights_of(run) == weights


def test_a_sample_is_the_models():
    run, model = small_run(seed=4), GameGPT(**SIZES, seed=4)
    for arguments in ((0, 1), (0, 1, 2.0), (0, 2, 1.0, 3)):
        assert run.sample(*arguments) == model.sample(*arguments)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"documents": []}, "no documents"),
        ({"measure_every": 0}, "measure_every must be 1 or more, got 0"),
        ({"lr": 0.0}, "'lr'"),
        ({"n_head": 3}, "divisible"),
        ({"max_steps": 0}, "max_steps must be 1 or more, got 0"),
    ],
)
def test_what_cannot_be_trained_is_refused(options, words):
    with pytest.raises(ValueError, match=words):
        small_run(**options)


def test_a_document_that_is_none_stops_the_run_and_changes_nothing():
    run = small_run(documents=[[0]])
    before = run.state_dict()
    with pytest.raises(ValueError, match="at least two tokens"):
        next(run)
    assert run.state_dict() == before


# -- resuming


@pytest.mark.parametrize("saved_at", [0, 1, 5, 9, 14])
def test_a_resumed_run_is_the_uninterrupted_one(tmp_path, saved_at):
    def measure(model):
        return {"weights": sum(p.data for p in model.params)}

    def build(**options):
        return small_run(measure=measure, measure_every=3, **options)

    whole, run = build(seed=7), build(seed=7)
    for other in (whole, run):
        other.sample(0, 1, 1.0)  # the sampler's random state is part of it
        other.controls["lr"] = 0.05
    for _ in range(saved_at):
        next(run)
    path = run.save(tmp_path / "run.json")
    resumed = build(seed=7, lr=0.001, max_steps=1).load(path)
    assert dict(resumed.controls) == {"lr": 0.05}
    list(resumed)
    assert numbers(resumed.history) == numbers(whole)
    assert resumed.get_state() == whole.get_state()
    assert [resumed.sample(0, 1, 1.0) for _ in range(3)] == [whole.sample(0, 1, 1.0) for _ in range(3)]


def test_a_state_is_a_copy_that_training_does_not_touch():
    run = small_run()
    next(run)
    state = run.get_state()
    kept = copy.deepcopy(state)
    list(run)
    assert state == kept
    run.set_state(state)
    assert run.get_state() == kept
    next(small_run())
    run.max_steps = 20
    next(run)
    assert state == kept


STATE = small_run(max_steps=3)
list(STATE)
STATE = STATE.state_dict()
N = len(STATE["state"]["weights"])


def changed(**parts):
    state = copy.deepcopy(STATE)
    for name, value in parts.items():
        if value is KeyError:
            del state["state"][name]
        else:
            state["state"][name] = value
    return state


WRONG = {
    "another kind of run": STATE | {"run": "PointsRun"},
    "no state": {key: part for key, part in STATE.items() if key != "state"},
    **{f"no {key}": changed(**{key: KeyError}) for key in STATE["state"]},
    **{f"{key} is null": changed(**{key: None}) for key in STATE["state"]},
    **{f"{key}: one missing": changed(**{key: [0.0] * (N - 1)}) for key in ("weights", "m", "v")},
    **{f"{key}: one too many": changed(**{key: [0.0] * (N + 1)}) for key in ("weights", "m", "v")},
    **{f"{key}: a word": changed(**{key: ["x"] * N}) for key in ("weights", "m", "v")},
    "another width": changed(sizes=STATE["state"]["sizes"] | {"n_embd": 8}),
    "other heads": changed(sizes=STATE["state"]["sizes"] | {"n_head": 4}),  # as many weights
    "a step count below zero": changed(step_count=-1),
    "half a step": changed(step_count=1.5),
    "a random state cut short": changed(rng=[3, [1, 2, 3], None]),
    "a random state of another version": changed(rng=[9, STATE["state"]["rng"][1], None]),
}


@pytest.mark.parametrize("state", WRONG.values(), ids=WRONG)
def test_a_wrong_state_is_refused_by_name_and_changes_nothing(tmp_path, state):
    path = tmp_path / "run.json"
    path.write_text(json.dumps(state))
    run = small_run(seed=5)
    next(run)
    before = copy.deepcopy(run.state_dict())
    with pytest.raises(ValueError, match="state") as error:
        run.load(path)
    assert str(error.value).startswith(f"{path}: ")
    assert run.state_dict() == before
    list(run)
    assert run.step == 14


# -- diverging


@pytest.mark.parametrize("n_layer", [1, 2])
def test_the_highest_learning_rate_spoils_the_model_but_never_to_infinity(n_layer):
    """Adam bounds an update by the rate, RMSNorm what a weight makes of its input: losses of billions, and finite."""
    run = small_run(n_layer=n_layer, lr=100, max_steps=60)
    losses = [s.loss for s in run]
    assert min(losses[5:]) > 1e3
    assert all(math.isfinite(s.loss) and math.isfinite(s.grad_norm) for s in run.history)
    assert all(map(math.isfinite, weights_of(run)))


def spoil(run, x=math.nan):
    for row in run.model.state_dict["lm_head"]:
        row[0].data = x


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, 1e308])
def test_a_loss_that_is_not_finite_puts_the_last_remembered_model_back(bad):
    run = small_run(max_steps=None)
    run.guard_every = 3
    states = []
    for _ in range(5):
        states.append(run.get_state())
        next(run)
    history = list(run.history)
    for p in run.model.state_dict["layer0.mlp_fc2"][0]:
        p.data = bad
    spoil(run, bad)
    with pytest.raises(Diverged, match="The model of step 3 is back") as error:
        next(run)
    assert error.value.step == 6
    assert run.history == history
    assert run.get_state() == states[3]  # remembered before steps 1 and 4
    assert next(run).step == 6
    assert run.model.step_count == 4


def test_the_guard_remembers_every_twentieth_model():
    run = small_run(max_steps=None)
    assert run.guard_every == 20
    for _ in range(22):
        next(run)
    spoil(run)
    with pytest.raises(Diverged, match="The model of step 20 is back"):
        next(run)
    assert run.model.step_count == 20


def test_a_resumed_run_has_a_sound_model_from_its_first_step_on():
    run = small_run(max_steps=None)
    for _ in range(3):
        next(run)
    resumed = small_run()
    resumed.load_state_dict(json.loads(json.dumps(run.state_dict())))
    next(resumed)
    spoil(resumed)
    with pytest.raises(Diverged, match="The model of step 3 is back"):
        next(resumed)
    assert weights_of(resumed) == weights_of(run)


# -- measuring


def test_what_is_measured_stands_until_it_is_measured_again():
    calls = []

    def measure(model):
        calls.append(([p.data for p in model.params], model.step_count))
        return {"validation": float(len(calls))}

    run = small_run(measure=measure, measure_every=3, max_steps=8)
    extras = []
    for step in run:
        extras.append(step.extra)
        if step.step % 3 == 0:
            assert calls[-1] == (weights_of(run), step.step)  # after the update
    validation = [extra.get("validation") for extra in extras]
    assert validation == [None, None, 1.0, 1.0, 1.0, 2.0, 2.0, 2.0]
    assert len(calls) == 2
    assert run.frame()["validation"].tolist()[2:] == validation[2:]
    run.reset()
    assert next(run).extra == {}


def test_measuring_does_not_change_the_training():
    def measure(model):
        return {"loss of another": model.loss([0, 1]).data}

    plain, measured = small_run(), small_run(measure=measure, measure_every=2)
    assert [s.loss for s in plain] == [s.loss for s in measured]
    assert weights_of(plain) == weights_of(measured)
    assert measured.history[1].extra != measured.history[3].extra
