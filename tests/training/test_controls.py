import math

import pytest

from labkit.training import Control, Controls


@pytest.fixture
def controls():
    return Controls([Control("lr", 0.1, 0.001, 10, log=True), Control("width", 4, 1, 8, integer=True)])


def test_reading_and_writing(controls):
    assert dict(controls) == {"lr": 0.1, "width": 4}
    controls["lr"] = 5
    controls["width"] = 6.8
    assert dict(controls) == {"lr": 5.0, "width": 7}
    assert (type(controls["lr"]), type(controls["width"])) == (float, int)
    assert len(controls) == 2


@pytest.mark.parametrize("value", [0, 10.001, -1, math.nan, math.inf])
def test_a_value_out_of_range_is_refused_and_the_old_one_stays(controls, value):
    with pytest.raises(ValueError, match="control 'lr'"):
        controls["lr"] = value
    assert controls["lr"] == 0.1


def test_the_ends_of_the_range_belong_to_it(controls):
    for value in (0.001, 10):
        controls["lr"] = value
        assert controls["lr"] == value


@pytest.mark.parametrize(
    "use", [lambda c: c["rate"], lambda c: c.__setitem__("rate", 1), lambda c: c.update({"rate": 1})]
)
def test_an_unknown_name_is_refused_with_the_known_ones(controls, use):
    with pytest.raises(KeyError, match="no control 'rate'; there are: lr, width"):
        use(controls)


def test_update_sets_all_or_none(controls):
    controls.update({"lr": 1, "width": 2})
    assert dict(controls) == {"lr": 1.0, "width": 2}
    with pytest.raises(ValueError, match="control 'width'"):
        controls.update({"lr": 2, "width": 99})
    assert dict(controls) == {"lr": 1.0, "width": 2}


@pytest.mark.parametrize(
    ("value", "low", "high", "log", "words"),
    [
        (1, 2, 2, False, "low (2) must be less than high (2)"),
        (1, 0, 2, True, "starts above zero, got low=0"),
        (3, 0, 2, False, "3 is outside 0 … 2"),
        (math.nan, 0, 2, False, "nan is outside"),
    ],
)
def test_a_control_that_makes_no_sense(value, low, high, log, words):
    with pytest.raises(ValueError, match="control 'x'") as error:
        Control("x", value, low, high, log=log)
    assert words in str(error.value)
