"""Where to compute, and in what precision."""

import os
import shutil

import torch

from .lm_config import PRECISIONS

DEVICES = ("auto", "cpu", "cuda", "mps")


def pick_device(name: str = "auto") -> torch.device:
    """A device by name; "auto" takes the GPU where there is one.

    Raises:
        ValueError: for a name that is unknown, or a device that is not here.
    """
    here = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if name == "auto":
        name = next(device for device in ("cuda", "mps", "cpu") if here[device])
    kind, colon, index = name.partition(":")
    if kind not in here or (colon and not index.isdecimal()):
        raise ValueError(f"unknown device {name!r}; there are: {', '.join(DEVICES)}")
    if not here[kind]:
        present = ", ".join(device for device, there in here.items() if there)
        raise ValueError(f"there is no device {name!r} here (torch finds: {present}); take 'auto'")
    count = torch.cuda.device_count() if kind == "cuda" else 1
    if colon and int(index) >= count:
        raise ValueError(f"there is no device {name!r} here; the last {kind} device is '{kind}:{count - 1}'")
    return torch.device(name)


def pick_precision(name: str, device: torch.device) -> torch.dtype:
    """The type in which matrices are multiplied; weights and sums stay in float32.

    "auto" takes bfloat16 where the hardware multiplies it: elsewhere it is emulated, and slower than float32.

    Raises:
        ValueError: for an unknown name.
    """
    if name not in PRECISIONS:
        raise ValueError(f"unknown precision {name!r}; there are: {', '.join(PRECISIONS)}")
    if name != "auto":
        return getattr(torch, name)
    if device.type == "cuda":
        native = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        native = device.type == "cpu" and _cpu_multiplies_bfloat16()
    return torch.bfloat16 if native else torch.float32


def _cpu_multiplies_bfloat16() -> bool:
    capable = torch.cpu.get_capabilities()
    return any(capable.get(feature) for feature in ("avx512_bf16", "amx_bf16", "bf16"))  # x86, x86, ARM


def check_compiler() -> None:
    """That `torch.compile` finds the compiler that it hands its C++ to.

    Raises:
        ValueError: if there is none.
    """
    names = [os.environ.get("CXX", ""), "g++", "clang++", "c++", "cl"]
    if not any(shutil.which(name) for name in names if name):
        raise ValueError(
            "compile needs a C++ compiler (g++, clang++ or cl), and there is none on the PATH or in $CXX: "
            "install one, or train without compile"
        )
