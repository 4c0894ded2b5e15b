"""What holds for every figure: its module, its styles and its form in a page."""

import base64
import json
import re
from html.parser import HTMLParser

import pandas as pd
import pytest

from labkit.arena.scaling import COLUMNS
from labkit.scalar import GameGPT
from labkit.training import PointsRun
from labkit.widgets import (
    AttentionView,
    Boundary,
    BudgetExplorer,
    Figure,
    GraphStepper,
    LineChart,
    TokenJourney,
    TrainingReplay,
)
from labkit.widgets.figure import FOLDER, figure_modules, module_source, style_source

SCRIPTS = sorted(FOLDER.glob("*.js"))
SVG_NAMESPACE = "http://www.w3.org/2000/svg"  # a name, never fetched
FIGURES = {
    "graph": lambda: GraphStepper(lambda a: a * a, a=3.0),
    "chart": LineChart,
    "boundary": lambda: Boundary(PointsRun(width=1)),
    "journey": lambda: TokenJourney(GameGPT(vocab_size=3, n_embd=4, n_head=2), ["<bos>", "a", "b"], tokens=[0, 1]),
    "budget": lambda: BudgetExplorer(pd.DataFrame([(2, 9, 1, 0.5, 27, 27), (2, 9, 8, 4, 20, 19)], columns=COLUMNS)),
    "attention": lambda: AttentionView([[[[1, 0], [0.5, 0.5]]]], ["a", "b"]),
    "replay": lambda: TrainingReplay(
        {"format": "labkit-replay-1", "about": {}, "train": [[1, 4.2]], "validation": [], "samples": [[1, "<b>"]]}
    ),
}


class Page(HTMLParser):
    """Collects elements, and the text in each script and figcaption."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.scripts, self.captions, self.open = [], [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        {"script": self.scripts, "figcaption": self.captions}.get(self.open[-1], []).append(data)


def descendants(cls):
    return [each for child in cls.__subclasses__() for each in (child, *descendants(child))]


def test_every_module_has_a_class_and_every_class_its_module():
    figures = [cls for cls in descendants(Figure) if "module" in cls.__dict__]  # PageModel is a base, and no figure
    assert {cls.module for cls in figures} == set(figure_modules())
    for cls in figures:
        assert cls._esm == module_source(cls.module)
        assert all(cls.class_traits()[name].metadata.get("sync") for name in cls.page_traits)


@pytest.mark.parametrize("name", figure_modules())
def test_a_module_is_common_js_and_one_default_export(name):
    source = module_source(name)
    assert source.startswith((FOLDER / "common.js").read_text())
    assert len(re.findall(r"^export default\b", source, re.M)) == source.count("export default") == 1
    assert re.search(r"render\(\{ model, el \}\)", source)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_a_script_stands_alone(script):
    source = script.read_text()
    assert not re.search(r"^\s*import\b|\bimport\s*\(|\brequire\s*\(|^export .* from", source, re.M)
    assert set(re.findall(r"(?:https?:)?//[a-z0-9.-]+\.[a-z]+/[^\s\"'`]*", source)) <= {SVG_NAMESPACE}
    assert "</script" not in source.lower()


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_every_class_name_has_our_prefix(script):
    source = re.sub(r"\$\{[^}]*\}", "", script.read_text())
    values = re.findall(r"""class: ["`]([^"`]*)["`]""", source)
    assert [name for value in values for name in value.split() if not name.startswith("lb-")] == []


def test_every_rule_of_the_stylesheet_begins_with_our_prefix():
    css = re.sub(r"/\*.*?\*/", "", (FOLDER / "figures.css").read_text(), flags=re.S)
    selectors = [part.strip() for rule in re.findall(r"([^{}]+)\{", css) for part in rule.split(",")]
    assert len(selectors) > 20
    assert [s for s in selectors if not s.startswith((".lb-", "@media"))] == []


def test_the_stylesheet_uses_only_tokens_that_the_theme_has():
    css = style_source()
    declared = set(re.findall(r"(--lb-[\w-]+):", css))
    assert set(re.findall(r"var\((--lb-[\w-]+)", css)) <= declared
    assert "url(" not in css


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_scripts_use_only_tokens_that_the_theme_has(script):
    declared = set(re.findall(r"(--lb-[\w-]+):", style_source()))
    used = {name for name in re.findall(r"var\((--lb-[\w-]+)\)", script.read_text()) if not name.endswith("-")}
    assert used <= declared


@pytest.mark.parametrize("make", FIGURES.values(), ids=FIGURES)
def test_the_state_in_the_page_is_the_state_of_the_figure(make):
    figure = make()
    page = Page(figure.page_html())
    assert page.elements[0] == ("figure", {"class": "lb-figure", "data-lb-module": figure.module})
    (text,) = page.scripts
    state = json.loads(text)
    assert state.keys() == set(figure.page_traits)
    for name, stored in state.items():
        value = getattr(figure, name)
        assert (base64.b64decode(stored["base64"]) if isinstance(value, bytes) else stored) == value
    assert page.captions == [figure.caption()]


@pytest.mark.parametrize(
    "title", ["</script><script>alert(1)</script>", "</SCRIPT >", "<!--<script>", "<b>&amp;\u2028</b>"]
)
def test_no_title_can_end_the_script_element(title):
    figure = GraphStepper(lambda a: a * a, title=title, a=3.0)
    page = Page(figure.page_html())
    assert [tag for tag, _ in page.elements].count("script") == 1
    assert "b" not in [tag for tag, _ in page.elements]
    assert json.loads("".join(page.scripts))["title"] == title
    assert "".join(page.captions).startswith(title)


def test_a_page_gets_html_and_a_terminal_gets_words():
    data, _ = FIGURES["graph"]()._repr_mimebundle_()
    assert data["text/html"].startswith('<figure class="lb-figure" data-lb-module="graph">')
    assert data["text/plain"].startswith("GraphStepper: The expression at a = 3 is 9")
