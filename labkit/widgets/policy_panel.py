"""The panel of chapter 7: train a policy by hand, and read what it writes while it learns."""

import html
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import ipywidgets as widgets

from .chart import LineChart
from .panel import Panel
from .trainer import TrainerPanel

if TYPE_CHECKING:
    from labkit.rlhf.run import OnlineRun
    from labkit.tokenizers import Tokenizer

EVERY = 10
"""Training steps from one list of texts to the next."""


class Written(NamedTuple):
    """A text of the policy.

    Attributes:
        text: without its prompt and the token that ends it.
        reward: what it is trained on says.
        true: what was meant, None where nobody can be asked.
    """

    text: str
    reward: float
    true: float | None


class PolicyTexts(Panel):
    """What a policy writes now, each text with its reward. The draws are the same each time: only the policy changes.

    Args:
        run: whose policy.
        tokenizer: of its texts.
        true: what a text is really worth.
        every: steps between two looks.
        count: how many texts.
        seed: of the draws.

    Attributes:
        latest: the texts of the latest look.
        step: when that was; -1 before the first.
    """

    def __init__(
        self,
        run: "OnlineRun",
        tokenizer: "Tokenizer",
        true: Callable[[str], float] | None = None,
        every: int = EVERY,
        count: int = 10,
        seed: int = 0,
    ) -> None:
        if every < 1 or count < 1:
            raise ValueError(f"{type(self).__name__}: every and count must be 1 or more, got {every} and {count}")
        self.run, self.tokenizer, self.true = run, tokenizer, true
        self.every, self.count, self.seed = every, count, seed
        self.latest: list[Written] = []
        self.step = -1
        self.listing = widgets.HTML()
        super().__init__([self.listing])

    def update(self) -> None:
        """Look again if that is due: from the training thread between two steps, or when its state changes."""
        with self.run.lock:  # from a callback it may come in the middle of a step
            step = self.run.step
            newly = step != self.step and (self.run.finished or step < self.step or self.step < 0)
            if newly or step - self.step >= self.every:
                self.latest, self.step = self._look(), step
                self.listing.value = self._html()

    def _look(self) -> list[Written]:
        from labkit.rlhf.policy import GPTPolicy  # torch: a kernel without a panel of this kind does not load it
        from labkit.rlhf.text import read

        policy = self.run.policy
        samples = policy.sample(self.count, self.seed)
        texts = read(self.tokenizer, samples, policy.stop if isinstance(policy, GPTPolicy) else ())
        rewards = self.run.reward(samples).tolist()
        trues = [None if self.true is None else float(self.true(text)) for text in texts]
        return [Written(*row) for row in zip(texts, rewards, trues, strict=True)]

    def _html(self) -> str:
        rows = [
            f'<li class="lb-sample"><b class="lb-num">{_signed(one.reward)}</b><div>'
            f'<span class="lb-text">{html.escape(one.text) or "(empty)"}</span>'
            + ("" if one.true is None else f' <span class="lb-note">true {_signed(one.true)}</span>')
            + "</div></li>"
            for one in self.latest
        ]
        return f'<p class="lb-note">step {self.step:,}: reward, text</p><ol class="lb-samples">{"".join(rows)}</ol>'


def _signed(value: float) -> str:
    return f"{value:+.2f}".replace("-", "−")


class HistoryChart(LineChart):
    """A chart of a run beside the panel's own."""

    def __init__(self, run: "OnlineRun", **traits: Any) -> None:
        self.run = run
        super().__init__(**traits)

    def update(self) -> None:
        """Draw the history as it is now."""
        self.draw(self.run.history)


class PolicyPanel(TrainerPanel):
    """Train a policy by hand: buttons, sliders of learning rate and β, its reward, its KL and length, its texts.

    The upper part is that of `TrainerPanel`. Every few steps the policy writes, always by the same draws, and each text
    stands there with its reward and, where it can be asked, its true reward.

    Headless: `panel.train.click()`, `panel.wait()`; `panel.texts.latest`.

    Args:
        run: what to train.
        tokenizer: of its texts.
        true: what a text is really worth, shown beside its reward.
        series: extras of the run that share the chart of the reward, such as one that `run.measure` makes.
        every: steps between two looks at its texts.
        count: how many texts are shown.
        seed: of their draws.
        key: who the panel is, where the cell does not say it.

    Attributes:
        texts: the list.
        drift: the chart of KL and length.

    Raises:
        ValueError: for an `every` or a `count` below 1.
    """

    def __init__(
        self,
        run: "OnlineRun",
        tokenizer: "Tokenizer",
        true: Callable[[str], float] | None = None,
        series: Sequence[str] = (),
        every: int = EVERY,
        count: int = 10,
        seed: int = 0,
        key: str | None = None,
    ) -> None:
        self.texts = PolicyTexts(run, tokenizer, true, every, count, seed)
        self.drift = HistoryChart(
            run,
            series=["length", "kl"],  # the axis ends at 20 times the first length: no policy is so far away
            colors=["muted", "gradient"],
            x_max=run.max_steps or 0,
            y_label="length (tokens), KL (nats a text)",
            height=180,
        )
        # Proxy and truth have the colours of the over-optimisation figure.
        colors = ["validation", *("loss" for _ in series)]
        super().__init__(run, figures=[self.texts, self.drift], series=["reward", *series], colors=colors, key=key)
        self.chart.y_label, self.chart.y_signed = "reward", True
        # Both charts in one column, so that their steps stand below each other; the texts beside them.
        self.children[1].children = (widgets.VBox([self.chart, self.drift]), self.texts)
        self.add_class("lb-policy")
