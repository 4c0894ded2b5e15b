"""Formulas as MathML, made while the book is built: a page needs no script and no network for them."""

import html
import re
from collections.abc import Iterator
from itertools import pairwise
from xml.etree.ElementTree import Element, tostring

from docutils import nodes
from latex2mathml.converter import Converter
from sphinx.util import logging
from sphinx.util.math import get_node_equation_number
from sphinx.writers.html5 import HTML5Translator

logger = logging.getLogger(__name__)

THIN_SPACE = "0.1667em"
# How many children these need; the converter writes them down with fewer and says nothing.
ARITY = {"mfrac": 2, "mroot": 2, "msub": 2, "msup": 2, "munder": 2, "mover": 2, "msubsup": 3, "munderover": 3}
# The converter does not know the first form, or numbers its rows by itself; numbers are Sphinx's.
ENVIRONMENTS = {"aligned": "split", "align": "align*"}
ENVIRONMENT = re.compile(r"\\(begin|end)\{(" + "|".join(ENVIRONMENTS) + r")\}")
ESCAPED = re.compile(r"\\.", re.DOTALL)


class FormulaError(ValueError):
    """A formula that cannot be turned into MathML; the message says what is wrong with it."""


def mathml(latex: str, display: bool = False) -> str:
    """One formula as a `<math>` element, with its source as the alternative text.

    Args:
        latex: the formula, without dollar signs.
        display: on a line of its own, rather than in the text.

    Raises:
        FormulaError: for what is not LaTeX or not known to the converter.
    """
    source = latex.strip()
    tree = _tree(source, display)
    for element in tree.iter():
        element.text = html.unescape(element.text) if element.text else None
    for problem in _problems(tree):
        raise FormulaError(f"{problem} in {source!r}")
    _space_functions(tree)
    tree.set("alttext", source)
    return tostring(tree, encoding="unicode")


def _tree(source: str, display: bool) -> Element:
    bare = ESCAPED.sub("", source)
    if bare.count("{") != bare.count("}"):
        raise FormulaError(f"a brace without its partner in {source!r}")
    known = ENVIRONMENT.sub(lambda found: f"\\{found[1]}{{{ENVIRONMENTS[found[2]]}}}", source)
    if r"\\" in known and r"\begin" not in known:  # several lines, as Sphinx reads them
        known = rf"\begin{{split}}{known}\end{{split}}"
    try:
        return Converter(display="block" if display else "inline").convert_to_element(known)
    except Exception as error:  # the converter's exceptions have no common base and no message
        raise FormulaError(f"{type(error).__name__} in {source!r}") from error


def _problems(tree: Element) -> Iterator[str]:
    """What the converter let through."""
    for element in tree.iter():
        text = element.text or ""
        if text.startswith("\\") and len(text) > 1:
            yield f"unknown command {text}"
        if element.tag == "mo" and not text:
            yield "an operator without a name"
        if text == "&":
            yield "an & outside an alignment"
        if len(element) < ARITY.get(element.tag, 0):
            yield f"an argument is missing ({element.tag})"


def _space_functions(tree: Element) -> None:
    """Set `tanh x` with a thin space and `tanh(x)` without one, as TeX does."""
    for parent in tree.iter():
        for element, following in pairwise([*parent, None]):
            assert element is not None
            name = element[0] if element.tag in ARITY and len(element) else element  # the tanh of tanh²
            if name.tag not in ("mi", "mo") or not name.text or len(name.text) == 1 or not name.text.isalpha():
                continue
            if name.get("movablelimits"):  # max, lim: what stands below them must stay there
                name.set("lspace", THIN_SPACE)
                name.set("rspace", THIN_SPACE)
                continue
            name.tag = "mi"  # as an <mo> it would get a wide space on both sides
            if parent.tag not in ARITY and following is not None and following.tag != "mo":
                parent.insert(list(parent).index(element) + 1, Element("mspace", width=THIN_SPACE))


def visit_math(self: HTML5Translator, node: nodes.math) -> None:
    """Write a formula in the text."""
    self.body.append(_html(node, display=False))
    raise nodes.SkipNode


def visit_math_block(self: HTML5Translator, node: nodes.math_block) -> None:
    """Write a formula on its own line, with its number where it has a label."""
    self.body.append(self.starttag(node, "div", CLASS="math notranslate nohighlight"))
    self.body.append(_html(node, display=True))
    if node["number"]:
        self.body.append(f'<span class="eqno">({get_node_equation_number(self, node)})')
        self.add_permalink_ref(node, "Link to this equation")
        self.body.append("</span>")
    self.body.append("</div>\n")
    raise nodes.SkipNode


def _html(node: nodes.Element, display: bool) -> str:
    try:
        return mathml(node.astext(), display)
    except FormulaError as error:
        logger.warning("math: %s", error, location=node, type="labkit", subtype="math")
        return f"<code>{html.escape(node.astext())}</code>"
