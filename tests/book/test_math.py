from xml.etree.ElementTree import fromstring

import pytest

from labkit.book.mathml import FormulaError, mathml

NS = "{http://www.w3.org/1998/Math/MathML}"


def texts(latex, tag, display=False):
    return [element.text for element in fromstring(mathml(latex, display)).iter(NS + tag)]


def test_an_inline_and_a_display_formula():
    assert fromstring(mathml("a + b")).get("display") == "inline"
    assert fromstring(mathml("a + b", display=True)).get("display") == "block"


def test_the_source_is_the_alternative_text():
    assert fromstring(mathml(r" \frac{a}{b} < 1 ")).get("alttext") == r"\frac{a}{b} < 1"


def test_a_less_than_sign_does_not_open_a_tag():
    assert "<mo>&lt;</mo>" in mathml("a < b")
    assert texts(r"\text{if } a < b", "mo") == ["<"]


def test_a_derivative_is_a_fraction_of_two():
    root = fromstring(mathml(r"\frac{\partial L}{\partial x}"))
    assert [len(fraction) for fraction in root.iter(NS + "mfrac")] == [2]
    assert texts(r"\frac{\partial L}{\partial x}", "mo") == ["∂", "∂"]


@pytest.mark.parametrize(
    "latex",
    [
        r"\begin{aligned} a &= b \\ c &= d \end{aligned}",
        r"\begin{align} a &= b \\ c &= d \end{align}",
        r"\begin{align*} a &= b \\ c &= d \end{align*}",
        r"a &= b \\ c &= d",
    ],
)
def test_lines_are_aligned_and_not_numbered_by_the_converter(latex):
    root = fromstring(mathml(latex, display=True))
    assert len(list(root.iter(NS + "mtr"))) == 2
    assert [cell.get("columnalign") for cell in root.iter(NS + "mtd")] == ["right", "left"] * 2
    assert "(1)" not in mathml(latex, display=True)


def test_a_function_name_stands_off_its_argument_but_not_off_a_parenthesis():
    assert "<mi>tanh</mi><mspace" in mathml(r"\tanh x")
    assert "<mspace" not in mathml(r"\tanh(x)")
    assert "<mi>softmax</mi><mo" in mathml(r"\operatorname{softmax}(x)")
    squared = mathml(r"\tanh^2 x")
    assert "<mn>2</mn></msup><mspace" in squared
    assert squared.count("<mspace") == 1


@pytest.mark.parametrize(
    ("latex", "reason"),
    [
        (r"\nosuchcommand{x}", r"unknown command \\nosuchcommand"),
        (r"\frac{a}", "an argument is missing"),
        ("{a", "a brace without its partner"),
        ("a}", "a brace without its partner"),
        (r"\left( a", "ExtraLeftOrMissingRight"),
        (r"\begin{cases} a", "MissingEnd"),
        ("x^", "MissingSuperScript"),
        ("a & b", "an & outside an alignment"),
        (r"\operatorname{arg\,max} x", "an operator without a name"),
    ],
)
def test_what_is_not_a_formula_is_an_error_that_says_why(latex, reason):
    with pytest.raises(FormulaError, match=reason):
        mathml(latex)


def test_escaped_braces_need_no_partner():
    assert texts(r"\{ a", "mo") == ["{"]
