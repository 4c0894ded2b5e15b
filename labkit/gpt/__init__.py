"""The transformer in torch: one trunk, presets from the scalar GPT to the modern recipe, three heads."""

import importlib
from typing import TYPE_CHECKING, Any

from .config import PRESETS, GPTConfig

if TYPE_CHECKING:
    from .attention import KVCache
    from .hf import to_hf_state
    from .model import GPT
    from .model_file import load_gpt, save_gpt
    from .scalar_weights import copy_to_scalar, gpt_from_scalar

__all__ = [
    "GPT",
    "PRESETS",
    "GPTConfig",
    "KVCache",
    "copy_to_scalar",
    "gpt_from_scalar",
    "load_gpt",
    "save_gpt",
    "to_hf_state",
]

_MODULES = {
    "GPT": "model",
    "KVCache": "attention",
    "copy_to_scalar": "scalar_weights",
    "gpt_from_scalar": "scalar_weights",
    "load_gpt": "model_file",
    "save_gpt": "model_file",
    "to_hf_state": "hf",
}


def __getattr__(name: str) -> Any:
    """Torch is imported when something of it is asked for: a config, and so the command line, does without."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
