import gc
import sys

import pytest
from ipywidgets.widgets.widget import _instances as widget_instances

from labkit.training import PointsRun
from labkit.widgets import Boundary, GraphStepper, Live, SamplerPanel, TrainerPanel
from labkit.widgets.panel import error_html


def sampler(**options):
    return SamplerPanel(lambda *_: "x", str, lambda _: ("good", "x"), **{"lengths": (1, 5), "key": "panel"} | options)


def trainer():
    run = PointsRun()
    return TrainerPanel(run, key="panel", figures=[Boundary(run)])


@pytest.mark.parametrize(
    "make",
    [
        trainer,
        sampler,
        lambda: Live(GraphStepper(lambda a: a * a, a=2.0)),
    ],
    ids=["TrainerPanel", "SamplerPanel", "Live"],
)
def test_closing_a_panel_closes_all_that_is_in_it(make):
    before = set(widget_instances)
    panel = make()
    assert len(set(widget_instances) - before) > 3
    panel.close()
    assert set(widget_instances) - before == set()


@pytest.mark.parametrize("make", [lambda: TrainerPanel(None, key="panel"), lambda: sampler(lengths=None)])
def test_a_panel_that_was_refused_is_thrown_away_in_silence(make, monkeypatch):
    said = []
    monkeypatch.setattr(sys, "unraisablehook", lambda args: said.append(str(args.exc_value)))
    with pytest.raises((AttributeError, TypeError)):
        make()
    gc.collect()
    sampler().close()  # under the same key
    assert said == []


def test_a_live_figure_is_stored_as_its_name():
    live = Live(GraphStepper(lambda a: a * a, a=2.0))
    assert repr(live) == "GraphStepper, live"
    assert "text/html" not in live._repr_mimebundle_()


def test_an_error_is_escaped_and_an_expected_one_is_a_sentence():
    error = ValueError("<b>")
    assert error_html(None) == ""
    assert error_html(error, expected=(ValueError,)) == '<span class="lb-verdict-bad">&lt;b&gt;</span>'
    assert error_html(error).startswith('<b class="lb-verdict-bad">ValueError: &lt;b&gt;')
