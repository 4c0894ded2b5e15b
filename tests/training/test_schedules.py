"""The factor of the learning rate, against transformers' schedules and by its properties."""

from itertools import pairwise

import hypothesis.strategies as st
import pytest
import torch
import transformers
from hypothesis import given

from labkit.training.schedules import SCHEDULES, check_schedule, lr_factor

FALLING = [name for name in SCHEDULES if name != "constant"]


def theirs(make, last, **options):
    """What a schedule of transformers multiplies by, from its step 0 to `last`."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    (factor,) = make(optimizer, **options).lr_lambdas
    return [factor(step) for step in range(last + 1)]


@pytest.mark.parametrize(("warmup", "last"), [(0, 10), (7, 40), (1, 2), (20, 23)])
def test_after_the_rise_they_are_those_of_transformers(warmup, last):
    counts = {"num_warmup_steps": warmup, "num_training_steps": last}
    decay = last - max(warmup, round(0.7 * last))
    wsd = {"num_warmup_steps": warmup, "num_decay_steps": decay, "num_stable_steps": last - warmup - decay}
    same = {
        "constant": theirs(transformers.get_constant_schedule_with_warmup, last, num_warmup_steps=warmup),
        "linear": theirs(transformers.get_linear_schedule_with_warmup, last, **counts),
        "cosine": theirs(transformers.get_cosine_schedule_with_warmup, last, **counts),
        "wsd": theirs(transformers.get_wsd_schedule, last, **wsd, decay_type="linear", min_lr_ratio=0.0),
    }
    assert same.keys() == set(SCHEDULES)
    for name, factors in same.items():
        ours = [lr_factor(name, step, last, warmup, decay_share=0.3) for step in range(warmup + 1, last + 1)]
        assert ours == pytest.approx(factors[warmup + 1 :], abs=1e-12), name


@pytest.mark.parametrize("end", [0.0, 0.1])
def test_a_cosine_that_ends_above_zero_is_that_of_transformers(end):
    counts = {"num_warmup_steps": 5, "num_training_steps": 30, "min_lr_rate": end}
    factors = theirs(transformers.get_cosine_with_min_lr_schedule_with_warmup, 30, **counts)
    assert [lr_factor("cosine", step, 30, 5, end=end) for step in range(6, 31)] == pytest.approx(factors[6:], abs=1e-12)


def test_the_rise_is_that_of_transformers_with_a_step_more():
    """Theirs starts at 0, which learns nothing; ours at 1 / (warm-up + 1)."""
    factors = theirs(transformers.get_constant_schedule_with_warmup, 8, num_warmup_steps=9)
    assert [lr_factor("cosine", step, 100, 8) for step in range(1, 9)] == pytest.approx(factors[1:])


drawn = st.tuples(
    st.sampled_from(SCHEDULES), st.integers(2, 500), st.integers(0, 100), st.floats(0, 1), st.floats(0, 1)
)


@given(drawn)
def test_it_rises_then_never_rises_again_and_ends_at_its_end(options):
    name, last, warmup, share, end = options
    factors = [lr_factor(name, step, last, warmup, share, end) for step in range(1, last + 1)]
    assert all(0 <= factor <= 1 + 1e-12 for factor in factors)
    rise, rest = factors[:warmup], factors[warmup:]
    assert all(a < b for a, b in pairwise(rise))
    assert all(a >= b - 1e-12 for a, b in pairwise(rest))
    falls = name != "constant" and (name != "wsd" or round((1 - share) * last) < last)
    if rest:
        assert rest[-1] == pytest.approx(end if falls else 1.0)


def test_steps_past_the_last_stay_at_the_end():
    for name in FALLING:
        assert lr_factor(name, 200, 100, 5, end=0.05) == pytest.approx(0.05)
    assert lr_factor("constant", 10**9, None, 5) == 1.0


def test_wsd_stays_before_it_falls():
    assert {lr_factor("wsd", step, 100, 10, decay_share=0.25) for step in range(11, 76)} == {1.0}
    assert lr_factor("wsd", 76, 100, 10, decay_share=0.25) == pytest.approx(24 / 25)


def test_what_cannot_be():
    with pytest.raises(ValueError, match="unknown schedule 'cos'; there are: constant, linear, cosine, wsd"):
        check_schedule("cos", 10)
    for name in FALLING:
        with pytest.raises(ValueError, match=f"'{name}' falls towards the last step: give max_steps"):
            lr_factor(name, 1, None)
