"""From tensors by name to a model: everything is checked before anything is built."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from .config import GPTConfig
from .model import GPT


def weights_of(model: nn.Module) -> dict[str, Tensor]:
    """The weights by name; a head that is tied to the embeddings is there once, as "wte.weight"."""
    return {name: p.detach() for name, p in model.named_parameters()}


def gpt_from_weights(config: GPTConfig, weights: Mapping[str, Tensor]) -> GPT:
    """A model of copies of these weights, in their dtype, on the CPU, in evaluation mode.

    Args:
        config: of the model.
        weights: all of them, as `weights_of` names them, in one floating-point dtype.

    Raises:
        ValueError: for missing or unknown weights, another shape or dtype; nothing large was allocated then.
    """
    check_weights(config, weights)
    dtype = next(iter(weights.values())).dtype
    model = GPT(config, seed=None).to(dtype)
    _copy(weights, model)
    return model.eval()


def load_weights(model: nn.Module, weights: Mapping[str, Tensor]) -> None:
    """Copy these weights into a model, which keeps its dtype, its device and its mode.

    Args:
        model: whose weights are overwritten.
        weights: as `gpt_from_weights` takes them.

    Raises:
        ValueError: as there; the model is then as it was.
    """
    check_fits(model, weights)
    _copy(weights, model)


def check_weights(config: GPTConfig, weights: Mapping[str, Tensor]) -> None:
    """Whether these are the weights of such a model.

    Raises:
        ValueError: if not, with what is wrong.
    """
    blocks = {name.split(".")[1] for name in weights if name.startswith("blocks.")}
    if len(blocks) != config.n_layer:  # before a model of that many is thought of
        raise ValueError(f"the config has n_layer={config.n_layer}, but there are weights of {len(blocks)} blocks")
    with torch.device("meta"):  # shapes without memory
        check_fits(GPT(config, seed=None), weights)


def check_fits(model: nn.Module, weights: Mapping[str, Tensor]) -> None:
    """Whether these are weights for this model; it may have more than its config tells of, as a grade reader has.

    Raises:
        ValueError: if not, with what is wrong.
    """
    shapes = {name: list(p.shape) for name, p in model.named_parameters()}
    for what, names in (("missing", shapes.keys() - weights), ("unknown", weights.keys() - shapes)):
        if names:
            shown = ", ".join(sorted(names)[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
            raise ValueError(f"{what} weights: {shown}")
    for name, shape in shapes.items():
        if list(weights[name].shape) != shape:
            raise ValueError(f"{name} should have the shape {shape}, got {list(weights[name].shape)}")
    dtypes = {tensor.dtype for tensor in weights.values()}
    if len(dtypes) > 1 or not next(iter(dtypes)).is_floating_point:
        raise ValueError(f"weights are of one floating-point type, got {', '.join(sorted(map(str, dtypes)))}")


@torch.no_grad()
def _copy(weights: Mapping[str, Tensor], model: nn.Module) -> None:
    for name, p in model.named_parameters():
        p.copy_(weights[name])
