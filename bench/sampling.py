"""Writing text: `labkit.sampling.generate` against nanoGPT's `generate`, with the same weights.

The peer is Karpathy's nanoGPT, as nanoGPT/model.py in the folder of peers; its code runs as it is. It has no cache:
for each token it reads the whole text again. Both models have the sizes of the chapter, and random weights: what they
are changes no time. Its GELU is the exact one, GPT-2's and ours the tanh form of it, which it is given here. All
figures are processor time of one thread.
"""

import contextlib
import importlib.util
import io
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import torch

from labkit.gpt import GPT, GPTConfig, to_hf_state
from labkit.sampling import Sampling, generate

from .timing import cpu_seconds, ratio

SIZES = {"vocab_size": 65, "block_size": 256, "n_layer": 4, "n_head": 4, "n_embd": 256}
NEW, TEMPERATURE, TOP_K = 256, 0.8, 50
BATCH = 32
SAMPLES, SAMPLE_NEW = 10, 128
"""How many texts nanoGPT's sample.py writes by default, and how long they are here."""
ROUNDS = 3
CONV1D = ("attn.c_attn.weight", "attn.c_proj.weight", "mlp.c_fc.weight", "mlp.c_proj.weight")
"""Stored as [in, out] in GPT-2's own layout, as [out, in] by nanoGPT."""


def measure(peers: Path | None) -> dict[str, float]:
    """Tokens a second of one text from one token, and how many times as long nanoGPT's takes; greedily equal."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        model = _model()
        _ours(model)  # warm up
        one, many = cpu_seconds(lambda: _ours(model)), cpu_seconds(lambda: _ours(model, BATCH))
        figures = {
            "tokens a second, 3.2 million parameters, one text": NEW / one,
            f"tokens a second, {BATCH} texts side by side": BATCH * NEW / many,
        }
        source_file = peers / "nanoGPT" / "model.py" if peers else None
        if source_file and source_file.is_file():
            return figures | _side_by_side(model, _peer(model, source_file))
        print("sampling   no nanoGPT/model.py among the peers (PEERS=folder): the ratio of an earlier run is kept")
        return figures
    finally:
        torch.set_num_threads(threads)


def _model() -> GPT:
    """Weights large enough for a text that is not one token again and again."""
    model = GPT(GPTConfig.preset("gpt2", **SIZES, init_std=0.1)).eval()
    rng = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for p in model.parameters():
            p.add_(0.02 * torch.randn(p.shape, generator=rng))  # biases and gains too
    return model


def _ours(model: GPT, batch: int = 1, new: int = NEW) -> list[list[int]]:
    return generate(model, [[0]] * batch, new, Sampling(TEMPERATURE, TOP_K), seed=0)


def _peer(model: GPT, source_file: Path) -> Any:
    """The peer with our weights."""
    module = _load(source_file)
    with contextlib.redirect_stdout(io.StringIO()):  # it prints its size
        peer = module.GPT(module.GPTConfig(**SIZES, dropout=0.0, bias=True))
    weights = {name: w.T if name.endswith(CONV1D) else w for name, w in to_hf_state(model).items()}
    peer.load_state_dict(weights)
    for block in peer.transformer.h:
        block.mlp.gelu = torch.nn.GELU(approximate="tanh")
    return peer.eval()


def _load(source_file: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("nanogpt_model", source_file)
    if spec is None or spec.loader is None:
        raise ValueError(f"{source_file}: not a Python module")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # its dataclass looks for itself there
    spec.loader.exec_module(module)
    return module


def _side_by_side(model: GPT, peer: Any) -> dict[str, float]:
    """The same greedy text, then the times of drawing one and of drawing some side by side, in turn."""
    first = torch.zeros(1, 1, dtype=torch.long)
    firsts = first.expand(SAMPLES, 1)
    ours = generate(model, [[0]], NEW, Sampling(temperature=0))[0]
    theirs = peer.generate(first, NEW, top_k=1)[0, 1:].tolist()
    if ours != theirs:
        at = next(i for i, (a, b) in enumerate(zip(ours, theirs, strict=True)) if a != b)
        raise AssertionError(f"the greedy texts differ from token {at} of {NEW}")
    slower = ratio(lambda: peer.generate(first, NEW, TEMPERATURE, TOP_K), lambda: _ours(model), ROUNDS)
    side = ratio(
        lambda: peer.generate(firsts, SAMPLE_NEW, TEMPERATURE, TOP_K),
        lambda: _ours(model, SAMPLES, SAMPLE_NEW),
        ROUNDS,
    )
    return {
        f"nanoGPT's time over ours, {NEW} tokens": slower,
        f"nanoGPT's time over ours, {SAMPLES} texts of {SAMPLE_NEW} tokens side by side": side,
        "greedy tokens equal to nanoGPT's": NEW,
        "of them different ones": len(set(ours)),
    }
