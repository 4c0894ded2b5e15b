"""What a budget buys: which width of model is the best for so much energy (chapter 3's promise)."""

from typing import TYPE_CHECKING, Any

import numpy as np
import traitlets as t

from labkit.arena.scaling import COLUMNS
from labkit.data import Names

from .figure import Figure

if TYPE_CHECKING:
    import pandas as pd

CURVES = ("step", "energy", "held_out", "train")


class BudgetExplorer(Figure):
    """Held-out perplexity against energy, a line for each width; the reader moves the budget.

    Between two measurements perplexity is interpolated over the logarithm of the energy, and steps, which cost
    the same on average, over the energy. A width whose record ends below the budget keeps its last perplexity.

    >>> import pandas as pd
    >>> rows = [(2, 100, 1, 0.1, 27, 27), (2, 100, 100, 10, 18, 18), (8, 900, 1, 1, 27, 27), (8, 900, 100, 100, 9, 8)]
    >>> figure = BudgetExplorer(pd.DataFrame(rows, columns=["n_embd", "parameters", "step", "energy", "held_out",
    ...                                                     "train"]), budget=10)
    >>> figure.at(10)[["parameters", "step", "held_out"]].values.tolist()
    [[100.0, 100.0, 18.0], [900.0, 10.0, 18.0]]

    Args:
        record: a row for each measurement, as `labkit.arena.scaling` writes it: n_embd, parameters, step, energy (J),
            and the perplexities held_out and train.
        budget: where the cursor stands at first, in J; in the middle of the record when left out.
        training: whether the perplexities on training names are shown at first.

    Attributes:
        budget: where the cursor stands; may be set.
        training: whether the perplexities on training names are shown; may be set.

    Raises:
        ValueError: for a record that lacks columns, is empty, holds what is no number, or has a width with fewer
            than two measurements; for a budget outside the record.
    """

    module = "budget"
    page_traits = ("lines", "guessing", "budget", "training")

    lines = t.List(t.Dict()).tag(sync=True)
    """A dict for each width, narrow ones first: n_embd, parameters, and lists step, energy, held_out, train."""
    guessing = t.Float(float(Names.vocab_size)).tag(sync=True)
    """The perplexity of a model that finds every token equally likely."""
    budget = t.Float().tag(sync=True)
    training = t.Bool(False).tag(sync=True)

    def __init__(self, record: "pd.DataFrame", budget: float | None = None, training: bool = False) -> None:
        lines = _lines(record)
        low, high = _range(lines)
        if budget is None:
            budget = float(f"{np.sqrt(low * high):.2g}")
            budget = min(max(budget, low), high)
        _check_budget(budget, lines)
        super().__init__(lines=lines, budget=budget, training=training)

    @t.validate("budget")
    def _valid_budget(self, proposal: dict[str, Any]) -> float:
        try:
            _check_budget(proposal["value"], self.lines)
        except ValueError as error:
            raise t.TraitError(str(error)) from None
        return float(proposal["value"])

    def at(self, budget: float) -> "pd.DataFrame":
        """What `budget` J buys: a row for each width, which is the index; nan where its record begins later.

        Columns: parameters, step (whole steps that the budget pays), held_out, train.
        """
        import pandas as pd

        _check_budget(budget, self.lines)
        rows = {line["n_embd"]: {"parameters": line["parameters"], **_bought(line, budget)} for line in self.lines}
        return pd.DataFrame.from_dict(rows, orient="index").rename_axis("n_embd")

    def caption(self) -> str:
        """The best width at the budget of now, and at the record's end."""
        widths = [line["n_embd"] for line in self.lines]
        which = f"{widths[0]} … {widths[-1]}" if len(widths) > 1 else f"{widths[0]}"
        end = _range(self.lines)[1]
        now, last = (
            f"with {_joules(budget)} the best is {best['n_embd']} wide (perplexity {best['held_out']:.1f})"
            for budget, best in ((budget, self._best(budget)) for budget in (self.budget, end))
        )
        said = now if self.budget == end else f"{now}, {last}"
        what = f"Perplexity on held-out names of models {which} numbers wide, against the energy of their training"
        return f"{what}: {said}."

    def _best(self, budget: float) -> dict[str, Any]:
        started = [line | _bought(line, budget) for line in self.lines if line["energy"][0] <= budget]
        best: dict[str, Any] = min(started, key=lambda line: line["held_out"])
        return best


def _bought(line: dict[str, Any], budget: float) -> dict[str, float]:
    energy = line["energy"]
    if budget < energy[0]:
        return dict.fromkeys(("step", "held_out", "train"), np.nan)
    steps = np.floor(np.interp(budget, energy, line["step"]) + 1e-6)
    curves = {name: float(np.interp(np.log(budget), np.log(energy), line[name])) for name in ("held_out", "train")}
    return {"step": float(steps), **curves}


def _lines(record: "pd.DataFrame") -> list[dict[str, Any]]:
    """The record by widths, each in the order of its energy.

    Raises:
        ValueError: for a record that cannot be drawn.
    """
    missing = [name for name in COLUMNS if name not in record]
    if missing:
        raise ValueError(f"BudgetExplorer: the record has no column {', '.join(missing)}")
    if not len(record):
        raise ValueError("BudgetExplorer: the record is empty")
    columns = {name: _column(record, name) for name in COLUMNS}
    lines = []
    for width in np.unique(columns["n_embd"]):
        order = np.flatnonzero(columns["n_embd"] == width)
        order = order[np.argsort(columns["energy"][order], kind="stable")]
        if len(order) < 2:
            raise ValueError(f"BudgetExplorer: width {width:g} has one measurement, a line needs two")
        if not np.all(np.diff(columns["energy"][order]) > 0):
            raise ValueError(f"BudgetExplorer: width {width:g} has two measurements at the same energy")
        if len(sizes := np.unique(columns["parameters"][order])) > 1:
            raise ValueError(f"BudgetExplorer: width {width:g} has {sizes[0]:g} parameters and {sizes[1]:g}")
        curves = {name: columns[name][order].tolist() for name in CURVES}
        lines.append({"n_embd": int(width), "parameters": int(sizes[0]), **curves})
    return lines


def _column(record: "pd.DataFrame", name: str) -> np.ndarray:
    try:
        numbers = record[name].to_numpy(dtype=float)
    except (TypeError, ValueError):
        raise ValueError(f"BudgetExplorer: {name} must be numbers") from None
    if not np.isfinite(numbers).all():
        raise ValueError(f"BudgetExplorer: {name} must be finite, got {numbers[~np.isfinite(numbers)][0]:g}")
    if name != "step" and numbers.min() <= 0:  # energy and perplexity stand on logarithmic axes
        raise ValueError(f"BudgetExplorer: {name} must be above 0, got {numbers.min():g}")
    if name in ("n_embd", "parameters") and (numbers % 1).any():
        raise ValueError(f"BudgetExplorer: {name} must be whole numbers, got {numbers[numbers % 1 != 0][0]:g}")
    return numbers


def _range(lines: list[dict[str, Any]]) -> tuple[float, float]:
    return min(line["energy"][0] for line in lines), max(line["energy"][-1] for line in lines)


def _check_budget(budget: float, lines: list[dict[str, Any]]) -> None:
    low, high = _range(lines)
    if not low <= budget <= high:
        raise ValueError(f"BudgetExplorer: the record has budgets of {low:g} … {high:g} J, got {budget:g}")


def _joules(energy: float) -> str:
    return f"{energy:,.0f} J" if energy >= 100 else f"{energy:.3g} J"
