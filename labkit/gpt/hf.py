"""GPT-2 checkpoints in the layout of Hugging Face's transformers, read from disk and mapped both ways.

GPT-2's linear layers ("Conv1D") keep their weights as [in, out], torch's as [out, in]; its queries, keys and
values are one layer, `c_attn`. The rest is a matter of names.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from .config import GPTConfig
from .model import GPT
from .tensor_file import read_safetensors
from .weights import gpt_from_weights, weights_of

ACTIVATIONS = {"gelu_new": "gelu", "gelu_pytorch_tanh": "gelu", "relu": "relu"}
SIZES = {"vocab_size": 50257, "n_positions": 1024, "n_layer": 12, "n_head": 12, "n_embd": 768}
"""Of a GPT-2 config, with what transformers takes where one is left out."""
FIXED = {
    "model_type": "gpt2",
    "scale_attn_weights": True,
    "scale_attn_by_inverse_layer_idx": False,
    "add_cross_attention": False,
    "quantization_config": None,
}
"""What a config must say, or leave out, for a GPT to compute the same."""
GPT2 = GPTConfig.preset("gpt2", vocab_size=1)
RECIPE = (
    "norm",
    "norm_gain",
    "embedding_norm",
    "final_norm",
    "positions",
    "qk_norm",
    "bias",
    "causal",
    "head",
    "conv_width",
)
"""Fields in which a GPT must be a GPT-2."""
QKV = ("query", "key", "value")


def load_hf(path: str | Path) -> GPT:
    """The model of a GPT-2 checkpoint folder: config.json and model.safetensors, or its shards and their index.

    Nothing is downloaded and nothing unpickled.

    Args:
        path: of the folder.

    Returns:
        A GPT in float32, on the CPU, in evaluation mode, with dropout 0.

    Raises:
        FileNotFoundError: if there is no such folder, or a file that it should have is missing.
        ValueError: for a model that a GPT cannot be, or damaged files; the message names the file.
    """
    folder = Path(path)
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: no such folder; from_hf reads a checkpoint on disk and downloads nothing")
    config_path = folder / "config.json"
    found = _read_json(config_path)
    try:
        config = _config(found)
    except ValueError as error:
        raise ValueError(f"{config_path}: {error}") from error
    tensors = _read_tensors(folder)
    try:
        return gpt_from_weights(config, _from_hf(tensors, config))
    except ValueError as error:
        raise ValueError(f"{folder}: {error}") from error


def to_hf_state(model: GPT) -> dict[str, Tensor]:
    """The weights as the state of a `GPT2LMHeadModel` of the same sizes; copies.

    Raises:
        ValueError: if the model is not built as a GPT-2 is.
    """
    config = model.config
    wrong = [f"{name}={getattr(config, name)!r}" for name in RECIPE if getattr(config, name) != getattr(GPT2, name)]
    if config.activation not in ACTIVATIONS.values():
        wrong.append(f"activation={config.activation!r}")
    if wrong:
        raise ValueError(f"only a GPT-2 (preset 'gpt2') has a GPT-2's state; this model has {', '.join(wrong)}")
    weights = weights_of(model)
    state = {}
    for ours, theirs, transposed in _names(config):
        parts = [weights[name].T if transposed else weights[name] for name in ours]
        state[f"transformer.{theirs}"] = torch.cat(parts, dim=-1).clone() if len(parts) > 1 else parts[0].clone()
    head = weights["wte.weight" if config.tied else "head.weight"]
    return {name: tensor.contiguous() for name, tensor in state.items()} | {"lm_head.weight": head.clone()}


def _names(config: GPTConfig) -> Iterator[tuple[list[str], str, bool]]:
    """For each tensor of GPT-2: our names of its parts, side by side; its name; whether it is transposed."""
    yield ["wte.weight"], "wte.weight", False
    yield ["wpe.weight"], "wpe.weight", False
    for kind in ("weight", "bias"):
        matrix = kind == "weight"
        yield [f"final_norm.{kind}"], f"ln_f.{kind}", False
        for i in range(config.n_layer):
            ours, theirs = f"blocks.{i}", f"h.{i}"
            yield [f"{ours}.attention_norm.{kind}"], f"{theirs}.ln_1.{kind}", False
            yield [f"{ours}.attention.{part}.{kind}" for part in QKV], f"{theirs}.attn.c_attn.{kind}", matrix
            yield [f"{ours}.attention.out.{kind}"], f"{theirs}.attn.c_proj.{kind}", matrix
            yield [f"{ours}.mlp_norm.{kind}"], f"{theirs}.ln_2.{kind}", False
            yield [f"{ours}.mlp.up.{kind}"], f"{theirs}.mlp.c_fc.{kind}", matrix
            yield [f"{ours}.mlp.down.{kind}"], f"{theirs}.mlp.c_proj.{kind}", matrix


def _from_hf(tensors: dict[str, Tensor], config: GPTConfig) -> dict[str, Tensor]:
    """Our weights from GPT-2's tensors, whose names may or may not begin with "transformer."."""
    left = {name.removeprefix("transformer."): tensor.float() for name, tensor in tensors.items()}
    weights: dict[str, Tensor] = {}
    if config.tied:
        left.pop("lm_head.weight", None)  # the embeddings once more
    elif "lm_head.weight" in left:
        weights["head.weight"] = left.pop("lm_head.weight")
    for ours, theirs, transposed in _names(config):
        if theirs not in left:
            raise ValueError(f"the tensor {theirs!r} is missing")
        tensor = left.pop(theirs)
        if tensor.ndim != (2 if transposed or theirs in ("wte.weight", "wpe.weight") else 1) or (
            tensor.shape[-1] % len(ours)
        ):
            raise ValueError(f"the tensor {theirs!r} cannot have the shape {list(tensor.shape)}")
        weights |= {
            name: part.T if transposed else part
            for name, part in zip(ours, tensor.chunk(len(ours), dim=-1), strict=True)
        }
    unknown = [
        name for name in left if not name.endswith((".attn.bias", ".attn.masked_bias"))
    ]  # old files' causal mask
    if unknown:
        raise ValueError(
            f"a GPT-2 with a language-model head has no tensor {', '.join(map(repr, sorted(unknown)[:5]))}"
        )
    return weights


def _config(found: dict[str, Any]) -> GPTConfig:
    """Our config for a GPT-2's.

    Raises:
        ValueError: for one that is not a GPT-2's or that a GPT cannot follow.
    """
    for name, value in FIXED.items():
        default = None if name == "model_type" else value
        if (got := found.get(name, default)) != value:
            raise ValueError(f"{name} must be {json.dumps(value)}, got {json.dumps(got)}")
    activation = found.get("activation_function", "gelu_new")
    if activation not in ACTIVATIONS:
        raise ValueError(f"activation_function must be one of {', '.join(ACTIVATIONS)}, got {activation!r}")
    sizes = {name: found.get(name, default) for name, default in SIZES.items()}
    n_embd, n_inner = sizes["n_embd"], found.get("n_inner")
    if n_inner is not None and n_inner != 4 * n_embd:
        raise ValueError(f"n_inner must be 4 n_embd ({4 * n_embd}), got {n_inner!r}")
    return GPTConfig.preset(
        "gpt2",
        vocab_size=sizes.pop("vocab_size"),
        block_size=sizes.pop("n_positions"),
        activation=ACTIVATIONS[activation],
        norm_eps=found.get("layer_norm_epsilon", 1e-5),
        tied=found.get("tie_word_embeddings", True),
        **sizes,
    )


def _read_tensors(folder: Path) -> dict[str, Tensor]:
    """All tensors of the folder: of one file, or of the shards that an index lists."""
    single, index = folder / "model.safetensors", folder / "model.safetensors.index.json"
    if single.is_file():
        return read_safetensors(single)[0]
    if not index.is_file():
        if pickles := sorted(folder.glob("pytorch_model*.bin")):
            raise ValueError(
                f"{pickles[0]}: a pickle, which can run code when it is read; labkit reads safetensors only. If you "
                "trust the file, convert it once with transformers: "
                "GPT2LMHeadModel.from_pretrained(folder).save_pretrained(folder)"
            )
        raise FileNotFoundError(f"{folder}: no model.safetensors, and no model.safetensors.index.json with its shards")
    names = _read_json(index).get("weight_map")
    if not isinstance(names, dict) or not all(isinstance(name, str) for name in names.values()):
        raise ValueError(f"{index}: its weight_map should be an object of file names")
    tensors: dict[str, Tensor] = {}
    for name in sorted(set(names.values())):
        if Path(name).name != name:
            raise ValueError(f"{index}: a shard must be a file of the same folder, got {name!r}")
        tensors |= read_safetensors(folder / name)[0]
    return tensors


def _read_json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise FileNotFoundError(f"{path}: there is no such file") from None
    except ValueError as error:
        raise ValueError(f"{path}: not JSON ({error})") from error
    if not isinstance(found, dict):
        raise ValueError(f"{path}: should be a JSON object, got {type(found).__name__}")
    return found
