"""The panel that writes: prompt, sliders, streaming text, and what the model said before each token of it."""

import html
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets
import traitlets as t

from labkit.training import Control
from labkit.training.background import replace_earlier

from .figure import Figure
from .panel import Panel, button, cell_key, error_html, line_of
from .slider import Slider

if TYPE_CHECKING:
    from labkit.gpt import GPT
    from labkit.sampling import Sampling
    from labkit.tokenizers import Tokenizer
    from labkit.training.lm import LMRun

TOP = 12
"""How many tokens have bars."""
MOST_TOP_K = 200
"""Where the top-k slider ends, for vocabularies that are larger."""
SEEDS = 1000


class SampledText(Figure):
    """The text and the bars of a `TextSampler`, which feeds it. A press on a row asks for another token there."""

    module = "text_sampler"
    text: "t.Dict[str, Any]" = t.Dict({"pieces": [], "n_prompt": 0, "chosen": [], "writing": False}).tag(sync=True)
    """pieces (the text of each token), n_prompt, chosen (positions put in by hand), writing."""
    position = t.Int(-1, min=-1).tag(sync=True)
    """The token whose distribution is shown; -1 is the newest, one past the end is the next."""
    next: "t.Dict[str, Any]" = t.Dict({}).tag(sync=True)
    """position, rows of {token, piece, before, after, here}, others [before, after], left, vocab_size; or, in place of
    rows, what is said about there being none."""

    def caption(self) -> str:
        """How long the text is."""
        return f"a text of {len(self.text['pieces']):,} tokens, and what the model said before each"


class PromptError(ValueError):
    """The prompt is none for this tokenizer."""


class TextSampler(Panel):
    """Write with a model: each token appears as it is drawn, and each can be asked where it came from.

    Choose a token (click, arrow keys): bars show the likeliest tokens at its place, before and after temperature,
    top-k, top-p and repetition penalty as the sliders stand now. Choose another one from them: the text is cut there
    and goes on from it. The same seed writes the same text; "Another" takes the next seed.

    Of a run, the model is copied as a text begins, so that it may train meanwhile. A new request replaces the one under
    way; making a panel again in the same cell ends the earlier one's. What goes wrong is shown in the panel.

    Headless: `panel.sample.click()`, then `panel.wait()`; `panel.text` is what came.

    Args:
        source: a model; or a run, whose model of the moment writes.
        tokenizer: of that model.
        prompt: what to go on from; empty: a new line.
        temperature: where the slider (0 … 2) stands at first; 0 is greedy.
        top_k: likewise; 0 leaves all tokens.
        top_p: likewise; 1 leaves all tokens.
        repetition_penalty: likewise; 1 is none.
        length: likewise, in tokens; up to 1,000.
        seed: likewise.
        key: who the panel is, where the cell does not say it.

    Attributes:
        writer: the thread, with the text as ids.
        view: the figure.
        error: what went wrong with the latest request, or None.
    """

    def __init__(
        self,
        source: "GPT | LMRun",
        tokenizer: "Tokenizer",
        prompt: str = "",
        temperature: float = 0.8,
        top_k: int = 0,
        top_p: float = 1.0,
        repetition_penalty: float = 1.0,
        length: int = 200,
        seed: int = 0,
        key: str | None = None,
    ) -> None:
        from .text_writer import TextWriter  # torch: a kernel without a panel of this kind does not load it

        self.tokenizer = tokenizer
        self.writer = TextWriter(source, self._update)
        self._drawing = threading.RLock()  # the thread and the callbacks both draw
        self._prompt_error: PromptError | None = None
        self.prompt = widgets.Textarea(prompt, placeholder="what the model goes on from (empty: a new line)", rows=2)
        self.prompt.add_class("lb-prompt")
        self.sample = button("Sample", "primary", self._sample, "write, with the model as it is now")
        self.another = button("Another", "", self._another, "the same with the next seed")
        self.stop = button("Stop", "", self._stop, "end after this token")
        most_k = min(tokenizer.vocab_size, MOST_TOP_K)
        self.temperature = Slider(Control("temperature", temperature, 0.0, 2.0))
        self.top_k = Slider(Control("top_k", top_k, 0, most_k, integer=True, label="top-k (0: all)"))
        self.top_p = Slider(Control("top_p", top_p, 0.01, 1.0, label="top-p"))
        self.repetition_penalty = Slider(
            Control("repetition_penalty", repetition_penalty, 1.0, 2.0, label="repetition")
        )
        self.length = Slider(Control("length", length, 1, 1000, integer=True, label="length"))
        self.seed = Slider(Control("seed", seed, 0, SEEDS - 1, integer=True, label="seed"))
        self.view = SampledText()
        self.status, self.failure = widgets.HTML(), widgets.HTML()

        laws = (self.temperature, self.top_k, self.top_p, self.repetition_penalty)
        for slider in laws:
            slider.observe(lambda _: self._update_next(), "value")
        self.view.observe(lambda _: self._update_next(), "position")
        self.view.on_msg(self._heard)
        self.prompt.observe(lambda _: self._check_prompt(), "value")
        buttons = line_of(self.sample, self.another, self.stop)
        sliders = line_of(*laws, self.length, self.seed)
        super().__init__([self.prompt, buttons, sliders, self.view, self.status, self.failure])
        self.add_class("lb-panel")
        self.add_class("lb-writer")
        self._update()
        who, execution = (key, None) if key else cell_key(f"text sampler {type(self).__name__}")
        replace_earlier(who, execution, self.writer)

    def __repr__(self) -> str:
        return f"{type(self).__name__} ({self.writer.state}, {len(self.tokens)} tokens)"

    @property
    def tokens(self) -> list[int]:
        """The ids of prompt and text, so far."""
        return list(self.writer.text.ids) if self.writer.text else []

    @property
    def text(self) -> str:
        """Prompt and text, so far."""
        return self.tokenizer.decode(self.tokens)

    @property
    def error(self) -> Exception | None:
        """What went wrong with the latest request, or None."""
        return self._prompt_error or self.writer.error

    @property
    def sampling(self) -> "Sampling":
        """How to draw, as the sliders stand."""
        from labkit.sampling import Sampling

        return Sampling(
            temperature=self.temperature.value,
            top_k=int(self.top_k.value) or None,
            top_p=self.top_p.value if self.top_p.value < 1 else None,
            repetition_penalty=self.repetition_penalty.value,
        )

    def wait(self, timeout: float | None = 60) -> str:
        """Until nothing is being written; returns the state ("done", "stopped" ...). For notebooks under test."""
        return self.writer.wait(timeout)

    def branch(self, position: int, token: int | str) -> None:
        """Cut the text before `position`, put another token there (its id, or its text), and write on from it.

        Raises:
            ValueError: for a position outside the text, or what is no token.
        """
        if isinstance(token, str):
            ids = self.tokenizer.encode(token)
            if len(ids) != 1:
                raise ValueError(f"branch: {token!r} must be one token, it is {len(ids)}")
            token = ids[0]
        self.writer.branch(position, token, int(self.length.value), self.sampling, int(self.seed.value))
        self.view.position = position
        self._update()

    def close(self) -> None:
        """End writing, then take the panel away."""
        self.writer.stop(wait=True)
        super().close()

    # -- what the reader asks for

    def _sample(self) -> None:
        if (ids := self._check_prompt()) is None:
            return
        self.view.position = -1
        self.writer.write(ids, int(self.length.value), self.sampling, int(self.seed.value))

    def _another(self) -> None:
        self.seed.value = (self.seed.value + 1) % SEEDS
        self._sample()

    def _stop(self) -> None:
        self.writer.stop()

    def _heard(self, _: Any, content: Any, __: Any) -> None:
        """A row was pressed. The text may be another one by now: what no longer fits is let go."""
        if isinstance(content, dict) and isinstance(content.get("branch"), list):
            try:
                position, token = map(int, content["branch"])
                self.branch(position, token)
            except (TypeError, ValueError):
                self._update()

    def _check_prompt(self) -> list[int] | None:
        """The ids of the prompt; None, and a word to the reader, when it has none."""
        try:
            ids = self.tokenizer.encode(self.prompt.value or "\n")
            self._prompt_error = None
        except ValueError as error:
            said = str(error) if self.prompt.value else "the prompt is empty: write what the model goes on from"
            self._prompt_error = PromptError(said)
            ids = None
        self._update_words()
        return ids

    # -- drawing the panel

    def _update(self) -> None:
        """Show the text as it is now. Called from the thread, ten times a second at most."""
        with self._drawing:
            text = self.writer.text
            if text is not None:
                ids = list(text.ids)
                self.view.text = {
                    "pieces": [self.tokenizer.decode([token]) for token in ids],
                    "n_prompt": text.n_prompt,
                    "chosen": list(text.chosen),
                    "writing": self.writer.state == "writing",
                }
            self._update_words()
            self._update_next()

    def _update_next(self) -> None:
        """Show what was said before the chosen token, and what the sliders make of it."""
        with self._drawing:
            text = self.writer.text
            if text is None:
                return
            ids = list(text.ids)
            position = self.view.position if 0 <= self.view.position <= len(ids) else len(ids) - 1
            logits = text.logits.get(position)
            if logits is None:
                self.view.next = {"position": position, "rows": []}
                self.writer.look(position)
                return
            try:
                self.view.next = self._next(position, ids, logits)
            except ValueError as error:  # a model that has diverged
                self.view.next = {"position": position, "rows": [], "said": str(error)}

    def _next(self, position: int, ids: Sequence[int], logits: Any) -> dict[str, Any]:
        from labkit.sampling import probabilities

        seen = ids[max(0, position - self.writer.block_size) : position]
        before = logits.softmax(-1)
        after = probabilities(logits, self.sampling, seen)
        here = ids[position] if position < len(ids) else None
        shown = before.maximum(after).topk(min(TOP, len(before))).indices.tolist()
        if here is not None and here not in shown:
            shown[-1:] = [here]
        shown.sort(key=lambda token: -float(before[token]))
        rows = [
            {
                "token": token,
                "piece": self.tokenizer.decode([token]),
                "before": round(float(before[token]), 5),
                "after": round(float(after[token]), 5),
                "here": token == here,
            }
            for token in shown
        ]
        others = [max(0.0, round(1 - float(p[shown].sum()), 5)) for p in (before, after)]
        left = int((after > 0).sum())
        return {"position": position, "rows": rows, "others": others, "left": left, "vocab_size": len(before)}

    def _update_words(self) -> None:
        with self._drawing:
            self.status.value = self._status_html()
            self.failure.value = error_html(self.error, expected=(PromptError,))

    def _status_html(self) -> str:
        text, state = self.writer.text, self.writer.state
        if text is None:
            return "<b>idle</b> · nothing written yet"
        parts = [f"{len(text.ids) - text.n_prompt:,} tokens"]
        if state == "writing":
            parts[0] = f"{len(text.ids):,} of {text.end:,} tokens"
        if text.step is not None:
            parts.append(f"model of step {text.step:,}")
        if text.chosen:
            parts.append(f"{len(text.chosen)} token{'s' * (len(text.chosen) > 1)} put in by hand")
        return " · ".join([f"<b>{state}</b>", *map(html.escape, parts)])
