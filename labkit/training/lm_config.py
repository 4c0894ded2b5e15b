"""How a language model is trained: everything about a run that is not the model and not the data."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, Self, get_args

from .schedules import Schedule, check_schedule

Optimizer = Literal["adamw", "muon"]
Precision = Literal["auto", "float32", "bfloat16"]
PRECISIONS: tuple[Precision, ...] = get_args(Precision)


@dataclass(frozen=True)
class LMConfig:
    """The choices of a training run.

    Attributes:
        max_steps: where the run ends, or None.
        batch_size: blocks a step learns from.
        accumulate: in how many parts they are worked through, so that large batches fit into memory.
        lr: the learning rate at its highest.
        schedule: "constant", "linear", "cosine" or "wsd" (see `labkit.training.schedules`).
        warmup_steps: over how many steps the learning rate rises.
        decay_share: of the steps, for "wsd".
        final_lr: the share of `lr` that is left at the last step.
        optimizer: "adamw", or "muon" for the matrices of the blocks.
        weight_decay: the share of the matrices that a step takes away, times the learning rate.
        beta1: AdamW's mean of gradients.
        beta2: AdamW's mean of their squares.
        momentum: Muon's.
        grad_clip: the longest gradient; longer ones are shortened to it. 0: none is.
        precision: of matrix products; "auto" takes bfloat16 where the hardware has it.
        compile: have `torch.compile` make one program of the model (needs a C++ compiler, and a minute).
        device: "auto", "cpu", "cuda" or "mps".
        eval_every: evaluate after every so many steps, and after the last; 0: never.
        patience: stop after so many evaluations without a better one, and go back to the best; 0: never.
        sample_every: write a sample after every so many steps, and after steps 1, 2, 4, 8 … before; 0: never.
        seed: seeds the weights, the order of the data, dropout and samples.

    Raises:
        ValueError: for a value that cannot be, with what can.
    """

    max_steps: int | None = 2000
    batch_size: int = 16
    accumulate: int = 1
    lr: float = 0.003
    schedule: Schedule = "wsd"
    warmup_steps: int = 20
    decay_share: float = 0.5
    final_lr: float = 0.05
    optimizer: Optimizer = "muon"
    weight_decay: float = 0.1
    beta1: float = 0.9
    beta2: float = 0.95
    momentum: float = 0.95
    grad_clip: float = 1.0
    precision: Precision = "auto"
    compile: bool = False
    device: str = "auto"
    eval_every: int = 100
    patience: int = 0
    sample_every: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        for name, least in (
            ("batch_size", 1),
            ("accumulate", 1),
            ("warmup_steps", 0),
            ("eval_every", 0),
            ("patience", 0),
            ("sample_every", 0),
            ("seed", 0),
        ):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise ValueError(f"LMConfig: {name} must be a whole number of at least {least}, got {value!r}")
        steps = self.max_steps
        if steps is not None and (isinstance(steps, bool) or not isinstance(steps, int) or steps < 1):
            raise ValueError(f"LMConfig: max_steps must be 1 or more, or None, got {steps!r}")
        for name, low, high in (
            ("lr", 1e-8, 1e3),
            ("decay_share", 0, 1),
            ("final_lr", 0, 1),
            ("weight_decay", 0, 1e3),
            ("beta1", 0, 0.99999),
            ("beta2", 0, 0.99999),
            ("momentum", 0, 0.99999),
            ("grad_clip", 0, 1e9),
        ):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
                raise ValueError(f"LMConfig: {name} must be {low:g} … {high:g}, got {value!r}")
        for name, literal in (("optimizer", Optimizer), ("precision", Precision)):
            if getattr(self, name) not in (allowed := get_args(literal)):
                raise ValueError(f"LMConfig: {name} must be one of {', '.join(allowed)}, got {getattr(self, name)!r}")
        check_schedule(self.schedule, self.max_steps)
        if self.batch_size % self.accumulate:
            raise ValueError(
                f"LMConfig: accumulate must divide batch_size, got {self.accumulate} parts of {self.batch_size} blocks"
            )
        if self.patience and not self.eval_every:
            raise ValueError("LMConfig: patience counts evaluations: set eval_every too")

    def to_dict(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """What `to_dict` gave; fields that are left out have their default.

        Raises:
            ValueError: for anything else, with the field that is wrong.
        """
        known = [field.name for field in fields(cls)]
        if unknown := values.keys() - set(known):
            raise ValueError(f"LMConfig: no field {', '.join(sorted(unknown))}; there are: {', '.join(known)}")
        return cls(**values)
