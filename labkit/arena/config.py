"""What an agent is made of: a name, the shape of its model, a learning rate."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Self

NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,31}", re.ASCII)
DEVICES = {"con", "prn", "aux", "nul"} | {f"{port}{i}" for port in ("com", "lpt") for i in range(10)}
"""What Windows takes for a device, with any ending: no file can be called so."""

LIMITS = {"n_embd": (2, 128), "n_layer": (1, 8), "n_head": (1, 16), "block_size": (2, 64), "seed": (0, 2**32 - 1)}
ENGINES = ("scalar", "torch")
LEARNING_RATES = (0.0001, 100.0)
"""Up to where no model learns: that is worth seeing once."""


def check_name(name: object) -> str:
    """`name` when an agent, and so a file, can be called so on every system.

    Raises:
        ValueError: with what is wrong and what is allowed.
    """
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise ValueError(
            f"agent name {name!r}: write 1 to 32 letters (a-z, A-Z), digits, '_' or '-', beginning with a letter"
        )
    if name.lower() in DEVICES:
        raise ValueError(f"agent name {name!r}: Windows keeps this name for a device; choose another")
    return name


@dataclass(frozen=True)
class AgentConfig:
    """How an agent begins.

    Attributes:
        name: letters, digits, "_" and "-", 1 to 32 of them, beginning with a letter.
        n_embd: the width; divisible by n_head.
        n_layer: transformer blocks.
        n_head: attention heads.
        learning_rate: at the first step.
        engine: "scalar", the engine of chapter 2, or "torch", the tensors of chapter 4: the same losses and the
            same names for the same energy, sooner.
        block_size: the most letters of a name, the closing mark included.
        seed: seeds the weights, the order of the names and the sampler.

    Raises:
        ValueError: for a value that cannot be, with what can.
    """

    name: str
    n_embd: int = 16
    n_layer: int = 1
    n_head: int = 4
    learning_rate: float = 0.01
    engine: str = "scalar"
    block_size: int = 16
    seed: int = 42

    def __post_init__(self) -> None:
        check_name(self.name)
        for key, (low, high) in LIMITS.items():
            value = getattr(self, key)
            if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
                raise ValueError(f"agent {self.name}: {key} must be a whole number {low} … {high}, got {value!r}")
        if self.n_embd % self.n_head:
            heads = [n for n in range(1, LIMITS["n_head"][1] + 1) if self.n_embd % n == 0]
            raise ValueError(
                f"agent {self.name}: n_embd must be divisible by n_head, got {self.n_embd} and {self.n_head}; "
                f"n_head may be {', '.join(map(str, heads))}"
            )
        rate, (slowest, fastest) = self.learning_rate, LEARNING_RATES
        if isinstance(rate, bool) or not isinstance(rate, int | float) or not slowest <= rate <= fastest:
            raise ValueError(f"agent {self.name}: learning_rate must be {slowest:g} … {fastest:g}, got {rate!r}")
        if self.engine not in ENGINES:
            there_is = " and ".join(map(repr, ENGINES))
            raise ValueError(f"agent {self.name}: unknown engine {self.engine!r}; there is {there_is}")

    def to_dict(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """What `to_dict` gave.

        Raises:
            ValueError: for anything else, with the key that is wrong.
        """
        known = [field.name for field in fields(cls)]
        if not isinstance(values, Mapping):
            raise ValueError(f"agent: expected a config with the keys {', '.join(known)}, got {values!r}")
        for what, keys in (("unknown", values.keys() - set(known)), ("missing", set(known) - values.keys())):
            if keys:
                raise ValueError(f"agent: {what} in the config: {', '.join(sorted(keys))}; it has {', '.join(known)}")
        return cls(**values)
