from labkit.widgets import GraphStepper, Live
from labkit.widgets.panel import error_html


def test_a_live_figure_is_stored_as_its_name():
    live = Live(GraphStepper(lambda a: a * a, a=2.0))
    assert repr(live) == "GraphStepper, live"
    assert "text/html" not in live._repr_mimebundle_()


def test_an_error_is_escaped_and_an_expected_one_is_a_sentence():
    error = ValueError("<b>")
    assert error_html(None) == ""
    assert error_html(error, expected=(ValueError,)) == '<span class="lb-verdict-bad">&lt;b&gt;</span>'
    assert error_html(error).startswith('<b class="lb-verdict-bad">ValueError: &lt;b&gt;')
