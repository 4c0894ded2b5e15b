"""Devices and precisions by name; what is not here is said so."""

import pytest
import torch

from labkit.training import devices
from labkit.training.devices import check_compiler, pick_device, pick_precision


@pytest.mark.parametrize(
    ("cuda", "mps", "picked"),
    [(True, True, "cuda"), (True, False, "cuda"), (False, True, "mps"), (False, False, "cpu")],
)
def test_auto_takes_the_gpu_where_there_is_one(cuda, mps, picked, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
    assert pick_device().type == picked
    assert pick_device("cpu").type == "cpu"


def test_what_is_not_here_is_said_with_what_is(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    with pytest.raises(ValueError, match=r"no device 'cuda' here \(torch finds: cpu\); take 'auto'"):
        pick_device("cuda")
    for name in ("tpu", "", "cuda:", "cuda:x", "CPU", "cpu:-1"):
        with pytest.raises(ValueError, match=r"unknown device .*; there are: auto, cpu, cuda, mps"):
            pick_device(name)


def test_a_gpu_by_number(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert pick_device("cuda:1") == torch.device("cuda", 1)
    with pytest.raises(ValueError, match="no device 'cuda:2' here; the last cuda device is 'cuda:1'"):
        pick_device("cuda:2")


@pytest.mark.parametrize(
    ("capabilities", "picked"),
    [
        ({"avx512_bf16": True, "amx_bf16": False}, torch.bfloat16),
        ({"amx_bf16": True}, torch.bfloat16),
        ({"bf16": True}, torch.bfloat16),
        ({"avx512_f": True, "avx512_bf16": False}, torch.float32),
        ({}, torch.float32),
    ],
)
def test_auto_takes_bfloat16_where_the_processor_has_it(capabilities, picked, monkeypatch):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities)
    assert pick_precision("auto", torch.device("cpu")) == picked
    assert pick_precision("float32", torch.device("cpu")) == torch.float32
    assert pick_precision("bfloat16", torch.device("cpu")) == torch.bfloat16
    assert pick_precision("auto", torch.device("mps")) == torch.float32


@pytest.mark.parametrize("native", [True, False])
def test_auto_on_a_gpu_does_not_take_what_is_emulated(native, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: native or including_emulation)
    assert pick_precision("auto", torch.device("cuda")) == (torch.bfloat16 if native else torch.float32)


def test_an_unknown_precision():
    with pytest.raises(ValueError, match="unknown precision 'float16'; there are: auto, float32, bfloat16"):
        pick_precision("float16", torch.device("cpu"))


def test_a_compiler_is_on_the_path_or_named(monkeypatch):
    monkeypatch.setattr(devices.shutil, "which", lambda name: name if name == "my-cc" else None)
    monkeypatch.delenv("CXX", raising=False)
    with pytest.raises(ValueError, match=r"needs a C\+\+ compiler"):
        check_compiler()
    monkeypatch.setenv("CXX", "my-cc")
    check_compiler()
