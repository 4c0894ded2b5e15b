"""Tensors and what belongs to them in one safetensors file: data, never code, and never half written."""

import json
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
from torch import Tensor

from labkit.files import refuse_not_finite, write_atomic

KEY = "labkit"
"""Under which the JSON stands in the file's metadata."""
PICKLES = (b"PK\x03\x04", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")
"""How files of torch.save begin: a zip archive, or a bare pickle."""


def write_tensors(path: str | Path, tensors: dict[str, Tensor], document: dict[str, Any]) -> Path:
    """Write tensors and a JSON document, beside `path` and renamed into place."""
    text = json.dumps(document, allow_nan=False)
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    return write_atomic(path, safetensors.torch.save(plain, metadata={KEY: text}))


def read_tensors(path: str | Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """What `write_tensors` wrote.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is no such file; the message names it.
    """
    tensors, metadata = read_safetensors(path)
    if KEY not in metadata:
        raise ValueError(f"{path}: a safetensors file, but not one of labkit's: its metadata has no {KEY!r}")
    try:
        document = json.loads(metadata[KEY], parse_constant=refuse_not_finite)
    except ValueError as error:
        raise ValueError(f"{path}: its metadata is not sound JSON ({error})") from error
    if not isinstance(document, dict):
        raise ValueError(f"{path}: its metadata should be a JSON object, got {type(document).__name__}")
    return tensors, document


def read_safetensors(path: str | Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The tensors and the metadata of any safetensors file.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is no such file; the message names it.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: " + ("a folder, not a file" if path.is_dir() else "there is no such file"))
    try:
        with safetensors.safe_open(path, framework="pt") as opened:
            return {name: opened.get_tensor(name) for name in opened.keys()}, opened.metadata() or {}  # noqa: SIM118
    except safetensors.SafetensorError as error:
        with path.open("rb") as file:
            if file.read(4).startswith(PICKLES):
                raise ValueError(
                    f"{path}: a file of torch.save, it seems: a pickle, which can run code when it is read. "
                    "Only safetensors are read here"
                ) from error
        raise ValueError(f"{path}: not a safetensors file, or a broken one ({error})") from error
