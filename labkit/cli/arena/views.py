"""Commands that look inside an agent: charts as text or as a picture, and the diagnosis."""

import io
import math
from collections.abc import Callable
from pathlib import Path
from statistics import fmean

from labkit.arena import Agent
from labkit.arena.agent import WINDOW
from labkit.arena.diagnose import diagnose
from labkit.arena.measure import measurements
from labkit.files import write_atomic
from labkit.scalar.gpt import INIT_STD

from .base import BaseShell
from .chart import steps_chart, wild
from .commands import CommandError, Given, command, there_is
from .text import bar, fill, number, table

PICTURES = (".png", ".svg", ".pdf")
BAR = 36


class ViewCommands(BaseShell):
    """Why does it learn, or not?"""

    @command("visualize loss|gradients|updates [FILE.png]", example="visualize loss")
    def do_visualize(self, given: Given) -> None:
        """Draw the current agent's loss, gradients or updates: here, or into a file.

        loss: every step, and the mean of the last 20. gradients: how large they were in training, and are
        now in each matrix. updates: the next update of each matrix beside its weights; in healthy training
        it is a thousandth to a fifth of them. FILE ends in .png, .svg or .pdf.
        """
        charts: dict[str, Callable[[Agent], str]] = {"loss": _loss, "gradients": _gradients, "updates": _updates}
        what, agent = given.words[0], self.agent()
        if what not in charts:
            raise CommandError(there_is("chart", what, charts))
        if what != "updates" and not agent.run.history and not (what == "gradients" and given.word(1)):
            raise CommandError(f"{agent.name} has made no step yet: train 100")
        if file := given.word(1):
            self.say(f"drawn into {_picture(what, agent, Path(file).expanduser())}")
        else:
            self.say(charts[what](agent))

    @command("diagnose [AGENT]", example="diagnose")
    def do_diagnose(self, given: Given) -> None:
        """Say whether an agent learns, and if not why and what to do; it costs nothing."""
        agent = self.agent(given.word(0))
        self.say(fill(f"{agent.name}: {diagnose(agent.run)}"))


def _loss(agent: Agent) -> str:
    losses = [step.loss for step in agent.run.history]
    n = max(1, min(WINDOW, len(losses) // 2))
    first, last = number(fmean(losses[:n])), number(fmean(losses[-n:]))
    guess = number(math.log(agent.names.vocab_size))
    return (
        f"{steps_chart(f'{agent.name}, loss in nats', losses)}\n"
        f"from {first} to {last} nats (means of the first and last {n} steps); guessing is {guess}"
    )


def _gradients(agent: Agent) -> str:
    m = measurements(agent.run)
    chart = steps_chart(f"{agent.name}, norm of the gradient", [step.grad_norm for step in agent.run.history])
    low, high = 1e-6, max([0.1, *(x.gradient_rms for x in m.matrices.values() if math.isfinite(x.gradient_rms))])
    rows = [
        (name, x.gradient_norm, x.gradient_rms, bar(x.gradient_rms, low, high, BAR)) for name, x in m.matrices.items()
    ]
    columns = ("matrix, now", "norm", "per weight", f"per weight, {low:g} to {high:.2g}, logarithmic")
    return f"{chart}\n\n{table(columns, rows)}"


def _updates(agent: Agent) -> str:
    from labkit.plots.arena import HEALTHY_RATIO

    m = measurements(agent.run)
    low, high = HEALTHY_RATIO
    rows = []
    for name, x in m.matrices.items():
        fresh = x.update_rms / INIT_STD
        word = "large" if max(x.update_ratio, fresh) > high else "healthy" if x.update_ratio >= low else "small"
        rows.append((name, x.update_ratio, fresh, word, bar(fresh, low / 100, high * 50, BAR)))
    columns = (
        "matrix",
        "of weights",
        "of fresh ones",
        "",
        f"of fresh ones, {low / 100:g} to {high * 50:g}, logarithmic",
    )
    return (
        f"{agent.name}: the next update, as a share of the weights now, and of fresh weights ({INIT_STD:g})\n"
        f"{table(columns, rows)}\nhealthy is {low:g} to {high:g}; learning rate {agent.settings()['learning_rate']:g}"
    )


def _picture(what: str, agent: Agent, path: Path) -> Path:
    """The same as a matplotlib figure."""
    if path.suffix.lower() not in PICTURES:
        raise CommandError(f"a picture ends in {', '.join(PICTURES)}, got {path.name!r}")
    from matplotlib.figure import Figure

    from labkit.plots import loss_curves, style
    from labkit.plots.arena import gradient_distribution, update_ratio

    with style():
        rows = len(agent.run.model.state_dict)
        figure = Figure(figsize=(8, 4.5 if what == "loss" else max(4.5, 1.2 + 0.27 * rows)), layout="constrained")
        ax = figure.subplots()
        if what == "loss":
            losses = [step.loss for step in agent.run.history]
            loss_curves({agent.name: losses}, ax, log=wild(losses))
        else:
            (gradient_distribution if what == "gradients" else update_ratio)(agent.run, ax)
        ax.set_title(f"{agent.name}, step {agent.run.step}", pad=16)
        content = io.BytesIO()
        figure.savefig(content, format=path.suffix[1:].lower())
    return write_atomic(path, content.getvalue())
