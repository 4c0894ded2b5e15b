"""A run to watch again: its loss curve, and what the model wrote at each step of the way."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import traitlets as t

from labkit.training.replay import Recorded, check_record, load_record, record_of

from .figure import Figure


class TrainingReplay(Figure):
    """The loss curve of a run with a cursor, and below it what the model wrote at that step.

    The cursor goes from sample to sample: by slider, by keyboard, by pointing at the curve, or by itself (Play).
    As one of a `TrainerPanel`'s figures it follows the run, and stays at the newest sample until it is moved.

    >>> record = {"format": "labkit-replay-1", "about": {}, "train": [[1, 4.2], [100, 2.5]],
    ...           "validation": [[100, 2.6]], "samples": [[1, "xq"], [100, "the"]]}
    >>> TrainingReplay.from_record(record, step=100).shown
    (100, 'the')

    Args:
        record: as `labkit.training.replay.record_of` makes it.
        step: where the cursor stands at first: at the last sample up to there; at the newest when left out.

    Attributes:
        place: which sample is shown, 0 for the first; may be set. -1 is the newest.

    Raises:
        ValueError: for what is no record, or a step before the first sample.
    """

    module = "replay"
    page_traits = ("record", "place")

    record = t.Dict().tag(sync=True)
    place = t.Int(-1, min=-1).tag(sync=True)

    def __init__(self, record: Mapping[str, Any], step: int | None = None) -> None:
        record = check_record(record)
        place = -1
        if step is not None:
            steps = [at for at, _ in record["samples"]]
            place = sum(at <= step for at in steps) - 1
            if place < 0:
                raise ValueError(f"TrainingReplay: no sample up to step {step}; there are samples at {steps or 'none'}")
        super().__init__(record=record, place=place)
        self._run: Recorded | None = None

    @classmethod
    def from_run(cls, run: Recorded, about: Mapping[str, Any] | None = None, step: int | None = None) -> Self:
        """Of a run that writes samples (`LMRun` with `write` and `sample_every`); `update()` reads it again."""
        figure = cls(record_of(run, about), step)
        figure._run = run
        return figure

    @classmethod
    def from_record(cls, record: Mapping[str, Any] | str | Path, step: int | None = None) -> Self:
        """Of a record, or of the file that `labkit.training.replay.save_record` wrote it to."""
        return cls(record if isinstance(record, Mapping) else load_record(record), step)

    @property
    def shown(self) -> tuple[int, str] | None:
        """Step and text of the sample at the cursor; None where there is none yet."""
        samples = self.record["samples"]
        if not samples:
            return None
        step, text = samples[self.place if self.place < len(samples) else -1]
        return step, text

    def update(self) -> None:
        """Show the run as it is now, if it has written since; without a run there is nothing to do."""
        if self._run is None:
            return
        known, now = self.record["samples"], self._run.samples
        if len(known) != len(now) or (now and known[-1][0] != now[-1][0]):
            self.record = record_of(self._run, self.record["about"])

    def caption(self) -> str:
        """What was trained, from where to where the loss went, and how many samples there are."""
        title = self.record["about"].get("title", "A training run")
        curve = self.record["validation"] or self.record["train"]
        if not curve:
            return f"{title}, to watch again: no step yet."
        which = "validation" if self.record["validation"] else "training"
        (first, high), (last, low) = curve[0], curve[-1]
        n = len(self.record["samples"])
        wrote = f"{n} sample{'s' * (n != 1)} of what the model wrote on the way"
        went = f"at {low:.2f} nats" if len(curve) == 1 else f"from {high:.2f} nats at step {first:,} to {low:.2f}"
        return f"{title}, to watch again: the {which} loss {went} at step {last:,}, and {wrote}."
