"""Docstrings as the API page shows them: plain text with `code` and examples, not reStructuredText."""

import re

CODE = re.compile(r"(``?[^`]+``?)")


def plain_to_rst(what: str, name: str, lines: list[str]) -> None:
    """Change the lines of a docstring, in place, so that reStructuredText reads what was meant.

    A `*` or `|` is itself outside of code; an indented block after a line that ends with a colon
    is code. A module's docstring gets the module's name as its heading.

    Args:
        what: autodoc's kind of object ("module", "class", ...).
        name: its full name.
        lines: the docstring.
    """
    example = False
    for i, line in enumerate(lines):
        example = line.lstrip().startswith(">>>") or (example and bool(line.strip()))
        if example:
            continue
        parts = CODE.split(line)
        parts[::2] = [re.sub(r"([*|])", r"\\\1", text) for text in parts[::2]]
        lines[i] = "".join(parts)
        if re.search(r"\S:$", line) and lines[i + 1 : i + 2] == [""] and "".join(lines[i + 2 : i + 3]).startswith(" "):
            lines[i] += ":"
    if what == "module":
        lines[:0] = [f"``{name}``", "=" * (len(name) + 4), ""]
