"""A trained GPT as one file: weights, config, tokenizer, and whatever else should be known of it."""

from pathlib import Path
from typing import Any

import torch

from labkit.tokenizers import Tokenizer, tokenizer_from_dict

from .config import GPTConfig
from .model import GPT
from .tensor_file import read_tensors, write_tensors
from .weights import gpt_from_weights, weights_of

FORMAT = "labkit.gpt 1"
"""The kind and version of the file, in its metadata."""


def save_gpt(
    path: str | Path, model: GPT, tokenizer: Tokenizer | None = None, about: dict[str, Any] | None = None
) -> Path:
    """Write a model as safetensors, beside `path` and renamed into place: a reader never meets half a file.

    Args:
        path: of the file; its folder is made when missing.
        model: weights are written in the dtype that they have.
        tokenizer: what made its tokens.
        about: anything JSON can hold: what it was trained on, how well it does.

    Raises:
        ValueError: for a tokenizer with more tokens than the model knows, weights that are not finite, or an
            `about` that JSON cannot hold; an older file stays as it was.
    """
    if tokenizer is not None and tokenizer.vocab_size > model.config.vocab_size:
        raise ValueError(
            f"{path}: not written: the tokenizer has {tokenizer.vocab_size} tokens, "
            f"but the model knows {model.config.vocab_size}"
        )
    weights = weights_of(model)
    for name, tensor in weights.items():
        if not bool(torch.isfinite(tensor).all()):
            raise ValueError(f"{path}: not written: {name} holds nan or infinity, which are no weights to keep")
    document = {
        "format": FORMAT,
        "config": model.config.to_dict(),
        "tokenizer": tokenizer.to_dict() if tokenizer is not None else None,
        "about": about or {},
    }
    try:
        return write_tensors(path, weights, document)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path}: not written: JSON cannot hold what is in `about` ({error})") from error


def load_gpt(path: str | Path, device: str | torch.device = "cpu") -> tuple[GPT, Tokenizer | None, dict[str, Any]]:
    """Read what `save_gpt` wrote. All of it is data; nothing in a file is run.

    Args:
        path: of the file.
        device: where the model shall be.

    Returns:
        The model in evaluation mode, its tokenizer if there is one, and `about`.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is not such a file, or was damaged; the message names the file.
    """
    if (Path(path) / "config.json").is_file():
        raise ValueError(f"{path}: a folder in Hugging Face's layout; GPT.from_hf reads those of GPT-2")
    weights, document = read_tensors(path)
    if document.get("format") != FORMAT:
        found = f"format {document['format']!r}" if "format" in document else "no format"
        raise ValueError(f"{path}: not a model of labkit's: expected the format {FORMAT!r}, found {found}")
    try:
        for name, kind in (("config", dict), ("tokenizer", dict | None), ("about", dict)):
            if name not in document or not isinstance(document[name], kind):
                raise ValueError(f"its metadata should hold {name!r} as a JSON object")
        config = GPTConfig.from_dict(document["config"])
        tokenizer = tokenizer_from_dict(document["tokenizer"]) if document["tokenizer"] is not None else None
        if tokenizer is not None and tokenizer.vocab_size > config.vocab_size:
            raise ValueError(f"the tokenizer has {tokenizer.vocab_size} tokens, the model knows {config.vocab_size}")
        model = gpt_from_weights(config, weights)
    except (ValueError, KeyError, TypeError, RuntimeError, OverflowError) as error:  # absurd sizes fail inside torch
        raise ValueError(f"{path}: {error}") from error
    return model.to(device), tokenizer, document["about"]
