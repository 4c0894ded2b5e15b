"""Options of a command made from the fields of a config: names, types, defaults and help have one source."""

import dataclasses
import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Any, get_type_hints

import typer


def documented(config: type) -> dict[str, str]:
    """What the "Attributes:" section of a class's docstring says of each field, in one line each."""
    section = inspect.cleandoc(config.__doc__ or "").partition("\nAttributes:\n")[2].split("\n\n")[0]
    entries = re.findall(r"^ {4}(\w+): (.*(?:\n {8}.*)*)", section, re.MULTILINE)
    return {name: " ".join(text.split()) for name, text in entries}


def field_options(
    config: type, panel: str, leave_out: Iterable[str] = (), shown: Mapping[str, str] | None = None
) -> list[inspect.Parameter]:
    """An option for each field of a dataclass; one that is not given is None, so that it can be told from the default.

    Args:
        config: the dataclass, documented by an "Attributes:" section.
        panel: the heading in --help.
        leave_out: fields that get no option.
        shown: what --help says of a default, where it is not the field's own.
    """
    types, texts = get_type_hints(config), documented(config)
    options = []
    for field in dataclasses.fields(config):
        if field.name in leave_out:
            continue
        default = (shown or {}).get(field.name, _shown(field.default))
        info = typer.Option(help=_sentence(texts[field.name]), rich_help_panel=panel, show_default=default)
        options.append(parameter(field.name, types[field.name] | None, info, None))
    return options


def parameter(name: str, kind: Any, info: Any, default: Any) -> inspect.Parameter:
    """A parameter as typer reads it from a function's signature."""
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[kind, info])


def with_options(options: Iterable[inspect.Parameter]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a function of `**options` a signature in which typer finds them."""

    def change(function: Callable[..., None]) -> Callable[..., None]:
        named = [p for p in inspect.signature(function).parameters.values() if p.kind is not p.VAR_KEYWORD]
        function.__signature__ = inspect.Signature([*named, *options])  # type: ignore[attr-defined]
        return function

    return change


def flag(name: str) -> str:
    """The option of a field: n_layer -> --n-layer."""
    return "--" + name.replace("_", "-")


def _shown(default: object) -> str:
    if isinstance(default, bool):
        return "yes" if default else "no"
    return "none" if default is None else f"{default:g}" if isinstance(default, float) else str(default)


def _sentence(text: str) -> str:
    """Brackets are markup in rich's help."""
    return (text[:1].upper() + text[1:]).replace("[", r"\[")
