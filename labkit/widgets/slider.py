"""A slider for one control of a run."""

from typing import Any

import traitlets as t

from labkit.training import Control

from .figure import Figure


class Slider(Figure):
    """A labelled range input; `value` follows it, and it follows `value`.

    Args:
        control: the range, scale and label to show.
        value: where it stands; the control's first value when left out.
    """

    module = "slider"
    value = t.Float().tag(sync=True)
    low = t.Float().tag(sync=True)
    high = t.Float().tag(sync=True)
    log = t.Bool().tag(sync=True)
    integer = t.Bool().tag(sync=True)
    live = t.Bool().tag(sync=True)
    label = t.Unicode().tag(sync=True)
    disabled = t.Bool(False).tag(sync=True)

    def __init__(self, control: Control, value: float | None = None) -> None:
        super().__init__(
            value=control.value if value is None else value,
            low=control.low,
            high=control.high,
            log=control.log,
            integer=control.integer,
            live=control.live,
            label=control.label or control.name,
        )
        self.add_class("lb-slider-item")

    @t.validate("value")
    def _in_range(self, proposal: dict[str, Any]) -> float:
        value: float = proposal["value"]
        if not self.low <= value <= self.high:
            raise t.TraitError(f"{self.label}: {value} is outside {self.low:g} … {self.high:g}")
        return value

    def caption(self) -> str:
        """Label, value and range."""
        return f"{self.label} = {self.value:g} ({self.low:g} … {self.high:g})"
