"""What a budget buys: held-out perplexity against energy, for models of several widths (chapter 3).

The record is kept in datasets/names/scaling.csv. It is made again, in some ten minutes, by

    python -c "from labkit.arena.scaling import record_scaling; record_scaling()"
"""

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from labkit.data import load_names
from labkit.files import datasets_dir, write_atomic

from .agent import Agent
from .config import AgentConfig
from .score import perplexity

WIDTHS = (2, 4, 8, 16, 32)
GROWTH = 1.25
"""Each measurement comes when this much more energy is spent than at the one before."""
COLUMNS = ("n_embd", "parameters", "step", "energy", "held_out", "train")


def record_scaling(
    path: str | Path | None = None, widths: Sequence[int] = WIDTHS, steps: int = 5000, n_names: int = 200
) -> Path:
    """Train one agent of each width, and write its perplexity along the way.

    Columns: n_embd, parameters, step, energy (J), and the perplexities of `n_names` held-out names and of as many
    training names.

    Args:
        path: the CSV to write; datasets/names/scaling.csv when left out.
        widths: the agents' n_embd; 1 layer, 2 heads, learning rate 0.01.
        steps: training steps of each.
        n_names: names that a measurement reads.
    """
    names = load_names()
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for width in widths:
        agent = Agent(AgentConfig("Pupil", n_embd=width, n_head=2), names)
        model = agent.run.model
        due = 0.0
        for step in agent.steps(steps):
            if agent.budget.spent < due and step.step < steps:
                continue
            due = GROWTH * agent.budget.spent
            measured = [perplexity(model, part[:n_names]) for part in (names.held_out, names.train)]
            numbers = [f"{x:.4f}" for x in (agent.budget.spent, *measured)]
            writer.writerow([width, len(model.params), step.step, *numbers])
    return write_atomic(path or datasets_dir() / "names" / "scaling.csv", text.getvalue())
