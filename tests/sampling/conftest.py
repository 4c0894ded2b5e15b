"""Models small enough for a test, whose every weight is random."""

import pytest
import torch

from labkit.gpt import GPT, GPTConfig

SIZES = {"block_size": 8, "n_layer": 2, "n_head": 2, "n_embd": 16}


def make(preset="modern", vocab_size=11, seed=0, dtype=torch.float64, **changes):
    """A small GPT in evaluation mode; in float64, so that two ways to one number differ by nothing that matters."""
    model = GPT(GPTConfig.preset(preset, vocab_size, **SIZES | changes), seed=seed)
    rng = torch.Generator().manual_seed(seed + 1)
    with torch.no_grad():
        for p in model.parameters():
            p.add_(0.4 * torch.randn(p.shape, generator=rng))
    return model.to(dtype).eval()


@pytest.fixture
def gpt():
    """The function: `gpt("gpt2", n_layer=1)` is a model."""
    return make
