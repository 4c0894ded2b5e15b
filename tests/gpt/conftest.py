"""Models small enough for a test, with weights that hide nothing: no zeros, no gains of one."""

import pytest
import torch

from labkit.gpt import GPT, GPTConfig

SIZES = {"block_size": 12, "n_layer": 2, "n_head": 2, "n_embd": 16}


def make(preset="modern", vocab_size=11, seed=0, dtype=torch.float32, **changes):
    """A small GPT in evaluation mode whose every weight is random."""
    if preset == "convolved":
        preset, changes = "modern", {"conv_width": 3} | changes
    model = GPT(GPTConfig.preset(preset, vocab_size, **SIZES | changes), seed=seed)
    rng = torch.Generator().manual_seed(seed + 1)
    with torch.no_grad():
        for name, p in model.named_parameters():
            gain = "norm" in name and name.endswith("weight")
            p.copy_(0.4 * torch.randn(p.shape, generator=rng) + (1.0 if gain else 0.0))
    return model.to(dtype).eval()


@pytest.fixture
def gpt():
    """The function: `gpt("gpt2", n_layer=1)` is a model."""
    return make


@pytest.fixture
def tokens():
    """The function: `tokens(3, 8)` are random ids below 11."""

    def draw(batch, time, vocab_size=11, seed=0):
        return torch.randint(vocab_size, (batch, time), generator=torch.Generator().manual_seed(seed))

    return draw
