"""The history of trainings as a table (CSV): the curves of a folder that `labkit routes train` writes."""

import csv
from collections.abc import Iterable, Mapping
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labkit.files import replacing

if TYPE_CHECKING:
    from labkit.training.gpt_run import GPTRun

COLUMNS = ("run", "step", "loss", "validation", "perplexity", "rmse", "lr", "tokens", "grad_norm", "seconds")
"""Of the history. Losses are as their run has them: the reader's are of standardised difficulties, the generator's in
nats; a cell is empty where nothing was measured."""
Rows = list[dict[str, Any]]


def history_rows(name: str, run: "GPTRun") -> Rows:
    """The history of a run, a row a step; what was not measured is left out."""
    found = []
    for step in run.history:
        row = {"step": step.step, "loss": step.loss, "lr": step.lr, "tokens": step.tokens}
        row |= {"grad_norm": step.grad_norm, "seconds": step.seconds} | step.extra
        found.append({"run": name} | {key: x for key, x in row.items() if isfinite(x)})
    return found


def write_history(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Write them as CSV.

    Args:
        path: replaced when all is written; its folder is made when missing.
        rows: of `history_rows`, of as many runs as there are.
    """
    with replacing(path) as part, part.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        for row in rows:
            writer.writerow({key: f"{x:.6g}" if isinstance(x, float) else x for key, x in row.items()})
