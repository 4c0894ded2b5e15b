"""The GPT of chapter 2 as a torch model and back: the same weights, the same logits."""

from typing import Any

import torch
from torch import Tensor

from labkit.scalar import GameGPT

from .config import GPTConfig
from .model import GPT
from .weights import gpt_from_weights, weights_of

NAMES = {"wte": "wte.weight", "wpe": "wpe.weight", "lm_head": "head.weight"}
NAMES_IN_LAYER = {
    "attn_wq": "attention.query.weight",
    "attn_wk": "attention.key.weight",
    "attn_wv": "attention.value.weight",
    "attn_wo": "attention.out.weight",
    "mlp_fc1": "mlp.up.weight",
    "mlp_fc2": "mlp.down.weight",
}
ONLY_AT_THE_START = {"zero_init", "init_std", "scaled_init", "rope_base", "n_outputs", "dropout"}
"""Fields that change nothing in what a model with learned positions and the "lm" head computes."""


def torch_name(name: str) -> str:
    """What a matrix of a GameGPT is called in a GPT: "layer0.attn_wq" -> "blocks.0.attention.query.weight"."""
    if name in NAMES:
        return NAMES[name]
    layer, _, matrix = name.partition(".")
    return f"blocks.{layer.removeprefix('layer')}.{NAMES_IN_LAYER[matrix]}"


def scalar_config(scalar: GameGPT) -> GPTConfig:
    """The config of a GPT that computes what a scalar one does."""
    sizes = {name: getattr(scalar, name) for name in ("n_layer", "n_embd", "block_size", "n_head")}
    return GPTConfig.preset("micro", scalar.vocab_size, **sizes)


def gpt_from_scalar(scalar: GameGPT, dtype: torch.dtype = torch.float32, **changes: Any) -> GPT:
    """A GPT (preset "micro") with copies of the weights of a scalar one.

    Args:
        scalar: the model of Values.
        dtype: of the weights; with torch.float64 they are the same numbers, bit for bit.
        changes: fields of the config that shall differ, as dropout=0.1.

    Raises:
        ValueError: for changes that need other weights.
    """
    config = scalar_config(scalar).changed(**changes)
    weights = {
        torch_name(name): torch.tensor([[p.data for p in row] for row in rows], dtype=dtype)
        for name, rows in scalar.state_dict.items()
    }
    return gpt_from_weights(config, weights)


def copy_to_scalar(model: GPT, scalar: GameGPT) -> GameGPT:
    """Set the weights of a scalar GPT to those of a torch one, and return it.

    Adam begins anew: its means belong to the weights that were here before.

    Raises:
        ValueError: if the scalar GPT is of other sizes, or cannot compute what the model does; it is unchanged then.
    """
    wanted = scalar_config(scalar).to_dict()
    differ = [
        f"{name}={value!r} (needed: {wanted[name]!r})"
        for name, value in model.config.to_dict().items()
        if value != wanted[name] and name not in ONLY_AT_THE_START
    ]
    if differ:
        raise ValueError(f"copy_to_scalar: this GameGPT cannot be a GPT with {', '.join(differ)}")
    weights = weights_of(model)
    for name, rows in scalar.state_dict.items():
        tensor: Tensor = weights[torch_name(name)]
        for row, numbers in zip(rows, tensor.cpu().double().tolist(), strict=True):
            for p, number in zip(row, numbers, strict=True):
                p.data = number
    scalar.m, scalar.v, scalar.step_count = [0.0] * len(scalar.params), [0.0] * len(scalar.params), 0
    return scalar
