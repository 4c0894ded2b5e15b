"""What a transformer is made of: sizes, and the choices in which its recipes differ."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Literal, Self, get_args

from labkit.scalar.gpt import INIT_STD
from labkit.scalar.ops import RMS_EPS

Norm = Literal["rmsnorm", "layernorm"]
Activation = Literal["relu", "relu2", "gelu"]
Positions = Literal["learned", "rope", "none"]
Head = Literal["lm", "regression", "classification"]

SIZES = ("vocab_size", "block_size", "n_layer", "n_head", "n_embd", "n_outputs", "conv_width")
SWITCHES = (
    "norm_gain",
    "embedding_norm",
    "final_norm",
    "qk_norm",
    "bias",
    "tied",
    "zero_init",
    "scaled_init",
    "causal",
)


@dataclass(frozen=True)
class GPTConfig:
    """One transformer. The defaults are the "modern" preset.

    Attributes:
        vocab_size: how many tokens there are.
        block_size: the most positions: how far back a prediction can look.
        n_layer: transformer blocks.
        n_head: attention heads; n_embd must be divisible by it.
        n_embd: the width of the residual stream.
        norm: RMSNorm (Zhang & Sennrich 2019) or LayerNorm (Ba et al. 2016).
        norm_gain: whether norms have learned gains (and, with `bias`, shifts).
        norm_eps: added under the root of a norm.
        embedding_norm: a norm right after the embeddings.
        final_norm: a norm before the head.
        activation: in the MLP: ReLU, ReLU² (So et al. 2021) or GELU (in its tanh form, as in GPT-2).
        positions: a learned vector each (GPT), rotations of queries and keys (RoPE, Su et al. 2021), none.
        rope_base: the slowest rotation turns once in about this many positions.
        conv_width: before each block, a causal convolution over so many positions, one filter per channel (the idea is
            Primer's, So et al. 2021); it starts as the identity. 1: none.
        qk_norm: RMSNorm of queries and keys before their product (Henry et al. 2020).
        bias: whether the linear layers have biases.
        tied: whether the language-model head is the embedding table (Press & Wolf 2017).
        zero_init: projections that write to the residual stream, and an untied head, start at zero.
        init_std: the standard deviation of the weights at the start; None: 1/√fan_in, and 1 for embeddings.
        scaled_init: GPT-2's: projections that write to the residual stream start √(2 · n_layer) times smaller.
        causal: whether a position sees only itself and what is before it.
        head: "lm" predicts a token at each position, "regression" a number and "classification" one of
            `n_outputs` classes for a sequence.
        n_outputs: how many classes; 1 for a regression; not used by "lm".
        dropout: the share of the embeddings, and of what blocks write, that is left out in training.

    Raises:
        ValueError: for a value that cannot be, with what can.
    """

    vocab_size: int
    block_size: int = 256
    n_layer: int = 4
    n_head: int = 4
    n_embd: int = 128
    norm: Norm = "rmsnorm"
    norm_gain: bool = False
    norm_eps: float = 1e-5
    embedding_norm: bool = True
    final_norm: bool = True
    activation: Activation = "relu2"
    positions: Positions = "rope"
    rope_base: float = 10_000.0
    conv_width: int = 1
    qk_norm: bool = True
    bias: bool = False
    tied: bool = False
    zero_init: bool = True
    init_std: float | None = None
    scaled_init: bool = False
    causal: bool = True
    head: Head = "lm"
    n_outputs: int = 1
    dropout: float = 0.0

    def __post_init__(self) -> None:
        for name in SIZES:
            size = getattr(self, name)
            if isinstance(size, bool) or not isinstance(size, int) or size < 1:
                raise ValueError(f"GPTConfig: {name} must be a whole number of at least 1, got {size!r}")
        choices = (("norm", Norm), ("activation", Activation), ("positions", Positions), ("head", Head))
        for name, literal in choices:
            if getattr(self, name) not in (allowed := get_args(literal)):
                raise ValueError(f"GPTConfig: {name} must be one of {', '.join(allowed)}, got {getattr(self, name)!r}")
        if self.n_embd % self.n_head:
            heads = [n for n in range(1, min(self.n_embd, 256) + 1) if self.n_embd % n == 0]
            raise ValueError(
                f"GPTConfig: n_embd must be divisible by n_head, got n_embd={self.n_embd} and n_head={self.n_head}; "
                f"n_head may be {', '.join(map(str, heads))}"
            )
        if self.positions == "rope" and self.head_dim % 2:
            raise ValueError(
                f"GPTConfig: RoPE turns pairs of numbers, so n_embd / n_head must be even, got {self.head_dim}"
            )
        for name in SWITCHES:
            if not isinstance(getattr(self, name), bool):
                raise ValueError(f"GPTConfig: {name} must be True or False, got {getattr(self, name)!r}")
        if not (_is_number(self.dropout) and 0 <= self.dropout < 1):
            raise ValueError(f"GPTConfig: dropout must be at least 0 and below 1, got {self.dropout!r}")
        for name in ("norm_eps", "rope_base", "init_std"):
            value = getattr(self, name)
            if name == "init_std" and value is None:
                continue
            if not (_is_number(value) and 0 < value < math.inf):
                raise ValueError(f"GPTConfig: {name} must be a positive number, got {value!r}")
        if self.conv_width > 1 and not self.causal:
            raise ValueError("GPTConfig: conv_width looks back only: it needs a causal model")
        if self.head == "regression" and self.n_outputs != 1:
            raise ValueError(f"GPTConfig: a regression has one output, got n_outputs={self.n_outputs}")
        if self.head == "classification" and self.n_outputs < 2:
            raise ValueError(f"GPTConfig: a classification needs n_outputs of at least 2, got {self.n_outputs}")
        if self.tied and self.head != "lm":
            raise ValueError(f"GPTConfig: only a language-model head can be tied to the embeddings, not {self.head!r}")

    @property
    def head_dim(self) -> int:
        """The width of one attention head."""
        return self.n_embd // self.n_head

    @classmethod
    def preset(cls, name: str, vocab_size: int, **changes: Any) -> Self:
        """A recipe by name, with changes: `GPTConfig.preset("gpt2", 65, n_layer=4)`.

        Raises:
            ValueError: for an unknown preset or an unknown field.
        """
        if name not in PRESETS:
            raise ValueError(f"unknown preset {name!r}; there are: {', '.join(PRESETS)}")
        return cls.from_dict({"vocab_size": vocab_size} | PRESETS[name] | changes)

    def changed(self, **changes: Any) -> Self:
        """The same with some fields replaced."""
        self._check_names(changes)
        return replace(self, **changes)

    def to_dict(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """What `to_dict` gave; fields that are left out have their default.

        Raises:
            ValueError: for anything else, with the field that is wrong.
        """
        if not isinstance(values, Mapping) or "vocab_size" not in values:
            raise ValueError(f"GPTConfig: expected the fields of a config with vocab_size, got {values!r}")
        cls._check_names(values)
        return cls(**values)

    @classmethod
    def _check_names(cls, values: Mapping[str, Any]) -> None:
        known = [field.name for field in fields(cls)]
        if unknown := values.keys() - set(known):
            raise ValueError(f"GPTConfig: no field {', '.join(sorted(unknown))}; there are: {', '.join(known)}")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


PRESETS: dict[str, dict[str, Any]] = {
    "micro": {
        "norm": "rmsnorm",
        "norm_gain": False,
        "norm_eps": RMS_EPS,
        "embedding_norm": True,
        "final_norm": False,
        "activation": "relu2",
        "positions": "learned",
        "qk_norm": False,
        "bias": False,
        "tied": False,
        "zero_init": False,
        "init_std": INIT_STD,
    },
    "gpt2": {
        "norm": "layernorm",
        "norm_gain": True,
        "embedding_norm": False,
        "final_norm": True,
        "activation": "gelu",
        "positions": "learned",
        "qk_norm": False,
        "bias": True,
        "tied": True,
        "zero_init": False,
        "init_std": 0.02,
        "scaled_init": True,
    },
    "modern": {},
}
"""The scalar GPT of chapter 2; GPT-2 (Radford et al. 2019); what a small GPT is made of today (the defaults)."""
