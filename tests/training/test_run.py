"""The contract of a run: iteration, controls, history, resuming, and the guard against divergence."""

import copy
import json
import math
import os
from dataclasses import asdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labkit.training import Control, Diverged, PointsRun, Run, Step


def points_run(**options):
    return PointsRun(**{"width": 2, "batch_size": 4, "max_steps": 12} | options)


def numbers(steps):
    """What must repeat bit for bit: everything but the time that a step took."""
    return [(s.step, s.loss, s.lr, s.tokens, s.grad_norm, s.extra) for s in steps]


# -- iteration


def test_the_loop_is_the_training(toy):
    run = toy(lr=0.25, max_steps=3)
    steps = list(run)
    assert [s.step for s in steps] == [1, 2, 3]
    assert [s.loss for s in steps] == [1.0, 0.25, 0.0625]  # w halves: 1, 1/2, 1/4
    assert [s.grad_norm for s in steps] == [2.0, 1.0, 0.5]
    assert (steps[0].lr, steps[0].tokens, steps[0].extra) == (0.25, 0, {"width": 3})
    assert run.history == steps
    assert run.step == 3
    assert all(s.seconds >= 0 for s in steps)


def test_after_max_steps_iteration_stays_ended(toy):
    run = toy(max_steps=2)
    assert len(list(run)) == 2
    assert list(run) == []
    with pytest.raises(StopIteration):
        next(run)
    run.max_steps = 3
    assert [s.step for s in run] == [3]


def test_a_loop_that_breaks_goes_on_where_it_was(toy):
    run = toy(max_steps=None)
    for step in run:
        if step.step == 2:
            break
    assert next(run).step == 3


def test_frame_has_a_row_a_step_and_a_column_a_measure(toy):
    run = toy(max_steps=3)
    assert run.frame().empty
    list(run)
    frame = run.frame()
    assert frame["loss"].tolist() == [s.loss for s in run.history]
    assert list(frame.columns) == ["step", "loss", "lr", "tokens", "grad_norm", "seconds", "width"]


def test_reset_starts_over_and_keeps_the_controls(toy):
    run = toy(max_steps=3)
    first = numbers(run)
    run.controls["lr"] = 0.2
    run.reset()
    assert run.history == []
    assert run.controls["lr"] == 0.2
    second = numbers(run)
    assert [s[1] for s in second] != [s[1] for s in first]
    run.controls["lr"] = 0.1
    run.reset()
    assert numbers(run) == first


# -- controls


def test_a_live_control_acts_on_the_next_step(toy):
    run = toy(lr=0.25)
    next(run)
    run.controls["lr"] = 0.5
    assert next(run).lr == 0.5
    assert run.w == 0.0  # at lr = 1/2 one step reaches the minimum


def test_a_control_that_is_not_live_waits_for_the_reset(toy):
    run = toy()
    next(run)
    run.controls["width"] = 7
    assert next(run).extra == {"width": 3}
    run.reset()
    assert next(run).extra == {"width": 7}


def test_a_run_needs_a_learning_rate_and_a_step(toy):
    class Rateless(toy):
        def __init__(self):
            Run.__init__(self, [Control("beta", 1, 0, 2)])

    with pytest.raises(ValueError, match="Rateless: a run needs a control named 'lr'"):
        Rateless()
    with pytest.raises(ValueError, match="Toy: max_steps must be 1 or more, got 0"):
        toy(max_steps=0)


# -- resuming


@settings(max_examples=8, deadline=None, derandomize=True)
@given(st.integers(0, 12), st.integers(0, 5), st.sampled_from(["moons", "rings"]))
def test_a_resumed_run_is_the_uninterrupted_one(tmp_path_factory, saved_at, seed, points):
    path = tmp_path_factory.mktemp("run") / "state.json"
    whole = points_run(points=points, seed=seed)
    whole.controls["noise"] = 0.2
    run = points_run(points=points, seed=seed)
    run.controls["noise"] = 0.2
    for _ in range(saved_at):
        next(run)
    run.save(path)
    resumed = points_run(points=points, seed=99, lr=0.01, width=3, max_steps=1).load(path)
    assert dict(resumed.controls) == dict(run.controls)
    list(resumed)
    assert numbers(resumed.history) == numbers(whole)
    assert resumed.model.get_weights() == whole.model.get_weights()


def test_saving_does_not_disturb_the_run(tmp_path):
    whole, run = points_run(), points_run()
    for step in run:
        run.save(tmp_path / f"{step.step}.json")
    assert numbers(run.history) == numbers(whole)


STATE = points_run(max_steps=3)
list(STATE)
STATE = STATE.state_dict()


def changed(**parts):
    state = copy.deepcopy(STATE)
    for path, value in parts.items():
        *outer, last = path.split("__")
        place = state
        for key in outer:
            place = place[key]
        if value is KeyError:
            del place[last]
        else:
            place[last] = value
    return state


WRONG = {
    "another format": changed(format="labkit-run-0"),
    "another kind of run": changed(run="Toy"),
    "a list": [STATE],
    "a number": 3,
    "null": None,
    **{f"no {key}": changed(**{key: KeyError}) for key in STATE},
    **{f"{key} is a list of numbers": changed(**{key: [1, 2]}) for key in STATE},
    **{f"no {key} in the state": changed(**{f"state__{key}": KeyError}) for key in STATE["state"]},
    "a weight missing": changed(state__weights=STATE["state"]["weights"][1:]),
    "a weight is a word": changed(state__weights=["x", *STATE["state"]["weights"][1:]]),
    "another shape": changed(state__sizes=[3, 2, 2, 1], state__weights=[0.0] * 17),
    "a random state cut short": changed(state__rng=[3, [1, 2, 3], None]),
    "a negative random state": changed(state__rng=[3, [-1] * 625, None]),
    "a learning rate out of range": changed(controls__lr=1e9),
    "a learning rate that is a word": changed(controls__lr="fast"),
    "an unknown control": changed(controls__beta=1),
    "a history of other steps": changed(history=[{"step": 1}]),
    "no steps allowed": changed(max_steps=0),
    "steps that are a word": changed(max_steps="many"),
}


@pytest.mark.parametrize("state", WRONG.values(), ids=WRONG.keys())
def test_a_wrong_state_is_refused_by_name_and_changes_nothing(tmp_path, state):
    path = tmp_path / "state.json"
    path.write_text(json.dumps(state))
    run = points_run(lr=0.3, seed=5)
    next(run)
    before = copy.deepcopy(run.state_dict())
    with pytest.raises(ValueError, match="state") as error:
        run.load(path)
    assert str(path) in str(error.value)
    assert run.state_dict() == before


@pytest.mark.parametrize(
    "damage", [lambda b: b"", lambda b: b[: len(b) // 2], lambda b: b"\xff\xfe" + b, lambda b: b + b"}"]
)
def test_a_damaged_file_is_refused_by_name_and_changes_nothing(tmp_path, damage):
    run = points_run()
    next(run)
    path = run.save(tmp_path / "state.json")
    path.write_bytes(damage(path.read_bytes()))
    before = copy.deepcopy(run.state_dict())
    with pytest.raises(ValueError, match="state") as error:
        run.load(path)
    assert str(error.value).startswith(f"{path}: ")
    assert run.state_dict() == before


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError):
        points_run().load(tmp_path / "none.json")


def test_the_saved_file_is_strict_json_with_a_step_per_line_of_history(tmp_path):
    run = points_run(max_steps=2)
    list(run)
    path = run.save(tmp_path / "folder" / "state.json")
    state = json.loads(path.read_text(), parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    assert state["history"] == [asdict(step) for step in run.history]
    assert [Step(**row) for row in state["history"]] == run.history
    assert os.listdir(path.parent) == ["state.json"]


# -- the guard


def diverge(run):
    with pytest.raises(Diverged) as error:
        list(run)
    return error.value


def test_an_infinite_loss_ends_in_diverged_with_the_last_sound_model(toy):
    run = toy(lr=1e30, max_steps=None)
    error = diverge(run)
    assert (error.step, error.loss) == (run.step + 1, math.inf)
    assert f"step {error.step}: the loss became inf at learning rate 1e+30" in str(error)
    # Back in place: the last weights whose loss is known to be finite.
    assert math.isfinite(run.w * run.w)
    assert f"The model of step {run.step - 1} is back" in str(error)
    assert run.w * run.w == run.history[-1].loss
    assert all(math.isfinite(s.loss) for s in run.history)


def test_a_loss_that_is_no_number_is_caught_too(toy):
    run = toy(lr=1e30, max_steps=None, square=lambda w: math.nan if abs(w) > 1e50 else w * w)
    error = diverge(run)
    assert math.isnan(error.loss)
    assert abs(run.w) < 1e50
    assert run.history


def test_an_overflow_on_the_way_to_the_loss_is_caught_too(toy):
    run = toy(lr=1e30, max_steps=None, square=lambda w: w**2)  # ** overflows with an error where * gives inf
    error = diverge(run)
    assert error.loss is None
    assert "the loss could not be computed" in str(error)
    assert isinstance(error.__cause__, OverflowError)
    assert run.w**2 == run.history[-1].loss


def test_after_diverging_training_goes_on_at_a_lower_learning_rate(toy):
    run = toy(lr=1e30, max_steps=None)
    diverge(run)
    history = list(run.history)
    run.controls["lr"] = 0.4
    after = [next(run) for _ in range(5)]
    assert run.history == history + after
    assert [s.step for s in after] == list(range(len(history) + 1, len(history) + 6))
    assert after[-1].loss < after[0].loss


def test_diverging_at_the_same_place_twice_says_the_same(toy):
    run = toy(lr=1e30, max_steps=None)
    first = diverge(run)
    w = run.w
    next(run)  # the sound model's own step is sound
    assert diverge(run).step == first.step + 1
    assert run.w == w


def test_diverging_in_the_first_step_has_no_model_to_go_back_to(toy):
    run = toy(square=lambda w: math.nan)
    assert "There is no sound model to go back to" in str(diverge(run))
    assert run.history == []


def test_a_reset_forgets_the_sound_model_of_before(toy):
    run = toy(max_steps=None)
    next(run)
    run.reset()
    run.square = lambda w: math.nan
    assert "There is no sound model to go back to" in str(diverge(run))


def test_the_guard_may_look_less_often(toy):
    class Seldom(toy):
        guard_every = 4

    run = Seldom(lr=1e30, max_steps=None)
    diverge(run)
    assert run.step == 6
    assert run.w == pytest.approx((1 - 2e30) ** 4)  # remembered before steps 1 and 5


def test_points_that_diverge_can_be_trained_on():
    run = points_run(lr=100)
    sound = run.model.get_weights()
    next(run)
    run.model.set_weights([1e300] * len(sound))
    error = diverge(run)
    assert (error.step, run.step) == (2, 1)
    assert run.model.get_weights() == sound
    run.controls["lr"] = 0.1
    assert next(run).step == 2


def test_another_error_passes_through_and_frees_the_lock(toy):
    def fail():
        raise KeyError("no such token")

    run = toy(on_step=fail)
    with pytest.raises(KeyError):
        next(run)
    run.on_step = None
    assert next(run).step == 1


def test_a_gradient_that_is_not_finite_is_divergence_too(toy):
    class Steep(toy):
        def train_step(self):
            measured = super().train_step()
            if self.step == 3:
                self.w, measured["grad_norm"] = math.nan, math.inf
            return measured

    run = Steep(max_steps=10)
    with pytest.raises(Diverged, match="step 4: the gradient norm became inf"):
        list(run)
    assert run.step == 3
    assert run.w == pytest.approx(0.8**3)  # the weights before the update that went wrong


def test_an_extra_that_was_not_measured_survives_saving(toy, tmp_path):
    class Sparse(toy):
        def train_step(self):
            return super().train_step() | {"validation": math.nan if self.step % 2 else 0.5}

    run = Sparse(max_steps=3)
    list(run)
    loaded = Sparse().load(run.save(tmp_path / "run.json"))
    assert [math.isnan(step.extra["validation"]) for step in loaded.history] == [False, True, False]


@pytest.mark.parametrize(
    "damage",
    [{"step": "x"}, {"loss": None}, {"step": 1}, {"extra": 3}],
    ids=["a step that is text", "no loss", "steps that do not rise", "extras that are none"],
)
def test_a_damaged_history_is_refused(toy, damage):
    run = toy(max_steps=3)
    list(run)
    state = run.state_dict()
    state["history"][-1] |= damage
    fresh = toy()
    with pytest.raises(ValueError, match="does not fit"):
        fresh.load_state_dict(state)
    assert fresh.step == 0


def test_a_state_without_its_controls_is_refused(toy):
    with pytest.raises(ValueError, match="no value for the controls lr, width"):
        toy().load_state_dict(toy().state_dict() | {"controls": {}})


def test_the_frame_of_an_empty_run_has_its_columns(toy):
    assert list(toy().frame()["loss"]) == []
