import pytest
from traitlets import TraitError

from labkit.training import Control
from labkit.widgets import Slider


def test_a_slider_shows_its_control():
    slider = Slider(Control("lr", 0.1, 0.001, 10, log=True, label="learning rate"))
    assert (slider.value, slider.low, slider.high) == (0.1, 0.001, 10)
    assert (slider.log, slider.integer, slider.live, slider.label) == (True, False, True, "learning rate")
    assert slider.caption() == "learning rate = 0.1 (0.001 … 10)"


def test_without_a_label_it_shows_the_name():
    slider = Slider(Control("width", 4, 1, 8, integer=True, live=False), value=6)
    assert (slider.label, slider.value, slider.integer, slider.live) == ("width", 6, True, False)


def test_a_value_of_zero_is_a_value():
    assert Slider(Control("noise", 0.3, 0, 1), value=0.0).value == 0.0


def test_a_slider_needs_a_kernel_and_stays_out_of_pages():
    bundle = Slider(Control("lr", 0.1, 0, 1))._repr_mimebundle_()
    assert "text/html" not in bundle[0]
    assert bundle[0]["text/plain"] == "Slider: lr = 0.1 (0 … 1)"


def test_a_value_out_of_range_is_refused_and_the_old_one_stays():
    slider = Slider(Control("lr", 0.5, 0.1, 1.0))
    with pytest.raises(TraitError, match=r"lr: 2.0 is outside 0.1 … 1"):
        slider.value = 2.0
    assert slider.value == 0.5
