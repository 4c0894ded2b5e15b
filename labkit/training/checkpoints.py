"""Two files keep a run: the best model, for whoever uses it, and the last state, from which training goes on.

A process may be killed at any moment: each file is written beside its place and renamed into it, so there is the old
one or the new one, whole. What was not yet written is computed again after `resume`, to the same numbers.
"""

import time
from pathlib import Path
from typing import Any

import torch

from labkit.gpt.model_file import load_gpt, save_gpt
from labkit.gpt.tensor_file import read_tensors
from labkit.tokenizers import Tokenizer

from .gpt_run import GPTRun

SUFFIX = ".safetensors"


def last_path(path: str | Path) -> Path:
    """Where the last state lies: "gpt.last.safetensors" beside the model "gpt.safetensors".

    Raises:
        ValueError: for a path that does not end in .safetensors.
    """
    path = Path(path)
    if path.suffix != SUFFIX or not path.stem.strip("."):
        raise ValueError(f"{path}: a model's file ends in {SUFFIX}, such as gpt{SUFFIX}")
    return path.with_suffix(".last" + SUFFIX)


class Checkpoints:
    """Keeps a run's best model in `path` and its last state beside it.

        checkpoints = Checkpoints("gpt.safetensors", tokenizer)
        checkpoints.begin(run)            # or: checkpoints.resume(run)
        for step in run:
            checkpoints.after_step(run)
        checkpoints.save(run)

    The model is written at each evaluation that is better than all before; a run that does not evaluate writes its
    present model whenever the state is written. The state is written at intervals and after the last step. Weights that
    are not finite are never written: a run that diverges leaves its last good files.

    One process at a time may write to a path.

    Args:
        path: of the model; `labkit.gpt.model_file.load_gpt` reads it.
        tokenizer: goes into the model's file.
        every_seconds: the longest time between two states; None: time does not matter.
        every_steps: the most steps between two states; None: their number does not matter.
        about: goes into both files, and should tell where the tokens come from. In the model's, "step" and "validation"
            (nats; None without an evaluation) are added.

    Raises:
        ValueError: for a path that does not end in .safetensors, or intervals that are none.
    """

    def __init__(
        self,
        path: str | Path,
        tokenizer: Tokenizer | None = None,
        every_seconds: float | None = 60.0,
        every_steps: int | None = None,
        about: dict[str, Any] | None = None,
    ) -> None:
        for name, value in (("every_seconds", every_seconds), ("every_steps", every_steps)):
            if value is not None and not value > 0:
                raise ValueError(f"Checkpoints: {name} must be above 0, or None, got {value!r}")
        self.path, self.last_path = Path(path), last_path(path)
        self.tokenizer, self.about = tokenizer, about or {}
        self.every_seconds, self.every_steps = every_seconds, every_steps
        self._kept(0, None)

    def begin(self, run: GPTRun) -> None:
        """Write both files of a fresh run, over whatever was there; so a folder that cannot be written to shows now.

        The earlier state goes first: at no moment could somebody go on from the one run with the model of the other.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._sweep()
        self.last_path.unlink(missing_ok=True)
        self._write_model(run)
        self.save(run)

    def resume(self, run: GPTRun) -> None:
        """Put `run` back to the last state.

        Raises:
            FileNotFoundError: if there is none.
            ValueError: if it is not a state of such a run; the message names the file.
        """
        run.load(self.last_path)
        self._sweep()
        self._kept(run.step, run.best)
        try:
            load_gpt(self.path)
        except (FileNotFoundError, ValueError):  # lost or damaged: the state has it
            self._write_model(run)

    def after_step(self, run: GPTRun) -> None:
        """Write what is due after a step of the run."""
        if run.best != self._best:
            self._write_model(run)
        steps, seconds = run.step - self._step, time.monotonic() - self._time
        due_steps = self.every_steps is not None and steps >= self.every_steps
        due_seconds = self.every_seconds is not None and seconds >= self.every_seconds
        if due_steps or due_seconds or run.finished:
            self.save(run)

    def save(self, run: GPTRun) -> bool:
        """Write the state now (and the model, if none was evaluated); returns False where weights are not finite."""
        with run.lock:
            if not all(bool(torch.isfinite(p).all()) for p in run.model.parameters()):
                return False
            if run.best is None and run.step > self._step:
                self._write_model(run)
            run.save(self.last_path, self.about)
            self._kept(run.step, run.best)
        return True

    def _write_model(self, run: GPTRun) -> None:
        with run.lock:
            step, validation = run.best or (run.step, None)
            about = self.about | {"step": step, "validation": validation}
            save_gpt(self.path, run.best_model().plain(), self.tokenizer, about)
            self._best = run.best

    def _kept(self, step: int, best: tuple[int, float] | None) -> None:
        """From here the next interval counts."""
        self._step, self._time, self._best = step, time.monotonic(), best

    def _sweep(self) -> None:
        """Remove the halves that killed processes left (see `labkit.files.write_atomic`)."""
        for path in (self.path, self.last_path):
            for part in path.parent.glob(f".{path.name}.*.part"):
                part.unlink(missing_ok=True)


def read_last(path: str | Path) -> dict[str, Any]:
    """What stands in the last state of the model at `path`, without its tensors.

    Returns:
        As `Run.state_dict`, and "about"; the configs are in its "state" under "model" and "config".

    Raises:
        FileNotFoundError: if there is no such state.
        ValueError: if it is none of an `LMRun`; the message names the file.
    """
    where = last_path(path)
    _, document = read_tensors(where)
    state = document.get("state")
    if document.get("run") != "LMRun" or not isinstance(state, dict) or not {"model", "config"} <= state.keys():
        raise ValueError(f"{where}: not the state of a language model's training run")
    return document
