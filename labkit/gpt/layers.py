"""The parts of a block that look at one position at a time: norm, rotation, MLP."""

import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from torch import Tensor, nn

from .config import GPTConfig

ACTIVATIONS = {
    "relu": F.relu,
    "relu2": lambda x: F.relu(x).square(),
    "gelu": lambda x: F.gelu(x, approximate="tanh"),
}


def make_norm(config: GPTConfig) -> nn.Module:
    """The norm of a config: over the last dimension, [..., n_embd] -> [..., n_embd]."""
    gain = config.norm_gain
    if config.norm == "layernorm":
        return nn.LayerNorm(config.n_embd, eps=config.norm_eps, elementwise_affine=gain, bias=gain and config.bias)
    return nn.RMSNorm(config.n_embd, eps=config.norm_eps, elementwise_affine=gain)


def rotations(config: GPTConfig) -> tuple[Tensor, Tensor]:
    """The cosines and sines of RoPE: [block_size, head_dim / 2] each.

    Pair j of a head turns by `position · base^(-2j / head_dim)` (Su et al. 2021): the first fast, the last slowly.
    """
    speeds = config.rope_base ** -(torch.arange(0, config.head_dim, 2, dtype=torch.float32) / config.head_dim)
    angles = torch.arange(config.block_size, dtype=torch.float32)[:, None] * speeds
    return angles.cos(), angles.sin()


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Turn each pair of numbers of queries or keys: a dot product then depends on the distance alone.

    Args:
        x: [batch, n_head, time, head_dim]; number j is paired with number j + head_dim / 2.
        cos: [time, head_dim / 2], or [batch, 1, time, head_dim / 2], in x's dtype.
        sin: likewise.
    """
    first, second = x.chunk(2, dim=-1)
    return torch.cat((first * cos - second * sin, first * sin + second * cos), dim=-1)


class ShortConv(nn.Module):
    """A causal convolution over the last few positions, one filter per channel; the identity at the start.

    In text much depends on the token or two before: this hands them over without an attention head.
    """

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(config.conv_width - 1, config.n_embd))

    def forward(self, x: Tensor, earlier: Tensor) -> Tensor:
        """[batch, time, n_embd] -> the same shape.

        Args:
            x: the residual stream.
            earlier: what stood before it, [batch, conv_width - 1, n_embd]; zeros where nothing did.
        """
        reach, time = len(self.weight), x.shape[1]
        line = torch.cat((earlier, x), dim=1)
        for back, weight in enumerate(self.weight, start=1):
            x = x + weight * line[:, reach - back : reach - back + time]
        return x


class MLP(nn.Module):
    """Four times as wide, the activation, back: the same for each position."""

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        self.up = nn.Linear(config.n_embd, 4 * config.n_embd, bias=config.bias)
        self.down = nn.Linear(4 * config.n_embd, config.n_embd, bias=config.bias)
        self.activation = ACTIVATIONS[config.activation]

    def forward(self, x: Tensor) -> Tensor:
        """[batch, time, n_embd] -> the same shape."""
        return self.down(self.activation(self.up(x)))
