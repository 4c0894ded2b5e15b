"""A run whose state holds tensors: kept as one safetensors file instead of JSON alone."""

from pathlib import Path
from typing import Any, Self

from labkit.gpt.tensor_file import read_tensors, write_tensors

from .run import Run


class TensorRun(Run):
    """A `Run` whose `get_state` has its tensors under "tensors", by name; the rest is as JSON can hold it."""

    def save(self, path: str | Path, about: dict[str, Any] | None = None) -> Path:
        """Write the whole state as one safetensors file with JSON in its metadata, beside and renamed into place.

        The history is in that JSON, some 250 bytes a step; safetensors reads up to 100 MB of it.

        Args:
            path: where.
            about: more that is to stand in the JSON, under "about"; `load` does not read it.
        """
        state = self.state_dict()
        tensors = state["state"].pop("tensors")
        return write_tensors(path, tensors, state | {"about": about or {}})

    def load(self, path: str | Path) -> Self:
        """Read what `save` wrote, and return the run; it goes on to the numbers it would have had without a stop.

        Raises:
            ValueError: if the file is not a state of this kind of run; the message names the file.
        """
        tensors, state = read_tensors(path)
        try:
            if isinstance(state.get("state"), dict):
                state["state"]["tensors"] = tensors
            self.load_state_dict(state)
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from error
        return self
