from labkit.book.docstrings import plain_to_rst


def converted(text, what="function"):
    lines = text.splitlines()
    plain_to_rst(what, "labkit.thing", lines)
    return lines


def test_stars_and_bars_are_themselves():
    assert converted("x**2 and |x| and *args") == [r"x\*\*2 and \|x\| and \*args"]


def test_code_and_examples_are_left_alone():
    assert converted("`a * b` and ``|c|`` * d") == [r"`a * b` and ``|c|`` \* d"]
    assert converted(">>> a * b\n|6|\n\nthen *") == [">>> a * b", "|6|", "", r"then \*"]


def test_an_indented_block_after_a_colon_is_code():
    assert converted("like so:\n\n    x = 1")[0] == "like so::"
    assert converted("like so:\n\nx = 1")[0] == "like so:"
    assert converted("Args:\n    x: a number")[0] == "Args:"


def test_a_module_gets_its_name_as_a_heading():
    assert converted("What it is.", "module")[:4] == ["``labkit.thing``", "================", "", "What it is."]
