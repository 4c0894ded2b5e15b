"""Attention: where positions exchange what they know. Queries, keys, values, and a cache of the last two."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from torch import Tensor, nn

from .config import GPTConfig
from .layers import rotate

SMALL = 512
"""On a CPU, blocks up to this length are attended to with plain matrix products instead of torch's fused kernel.

The kernel saves memory by working through the score matrix in tiles; a matrix this small fits the caches anyway.
Measured forward and backward in bfloat16, 16 sequences of 256 tokens, 4 heads of 64, 2 cores: 17.6 ms with
products, 34.8 ms with the kernel. A query of one token (sampling) has no matrix and stays with the kernel.
"""


class KVCache:
    """The keys and values of the tokens that a model has read, so that none is computed twice.

    A cache is for writing text, not for training: it is overwritten in place and keeps no gradients.

    Args:
        config: of the model.
        batch_size: how many sequences are read side by side.
        like: a tensor with the dtype and device to use.

    Attributes:
        keys: [n_layer, batch, n_head, block_size, head_dim], after the rotation.
        values: likewise.
        real: [batch, block_size], False where a token only pads.
        recent: the residual stream of the last positions, for `ShortConv`, [n_layer, batch, conv_width - 1, n_embd].
        padded: whether any token may be padding; asking `real` for each token would wait for the device.
        length: how many positions are filled. Setting it back forgets what comes after, but `recent` does not
            follow: a model with `conv_width` above 1 has to read again.
    """

    def __init__(self, config: GPTConfig, batch_size: int, like: Tensor) -> None:
        shape = (config.n_layer, batch_size, config.n_head, config.block_size, config.head_dim)
        self.keys, self.values = like.new_zeros(shape), like.new_zeros(shape)
        self.real = torch.ones(batch_size, config.block_size, dtype=torch.bool, device=like.device)
        self.recent = like.new_zeros(config.n_layer, batch_size, config.conv_width - 1, config.n_embd)
        self.padded = False
        self.length = 0

    @property
    def batch_size(self) -> int:
        """How many sequences are read side by side."""
        return self.real.shape[0]

    def mark(self, real: Tensor | None, new: int) -> Tensor | None:
        """Note which of the `new` newest tokens are real (None: all), before they are put in.

        Returns:
            What is known of all tokens with them, [batch, length + new], or None when all of them are real.
        """
        end = self.length + new
        if real is not None:
            self.padded = True
        if not self.padded:
            return None
        self.real[:, self.length : end] = True if real is None else real
        return self.real[:, :end]

    def extend(self, layer: int, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Put in the keys and values of the newest tokens, [batch, n_head, new, head_dim]; returns all there are."""
        end = self.length + keys.shape[2]
        self.keys[layer, :, :, self.length : end] = keys.detach()
        self.values[layer, :, :, self.length : end] = values.detach()
        return self.keys[layer, :, :, :end], self.values[layer, :, :, :end]

    def select(self, rows: Sequence[int]) -> None:
        """Go on with some of the sequences alone, in this order."""
        at = torch.tensor(rows, device=self.keys.device)
        self.keys, self.values, self.recent = (t[:, at] for t in (self.keys, self.values, self.recent))
        self.real = self.real[at]


class Attention(nn.Module):
    """Multi-head self-attention (Vaswani et al. 2017)."""

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        self.n_head, self.head_dim = config.n_head, config.head_dim
        self.qk_norm, self.eps = config.qk_norm, config.norm_eps
        self.query = nn.Linear(config.n_embd, config.n_embd, bias=config.bias)
        self.key = nn.Linear(config.n_embd, config.n_embd, bias=config.bias)
        self.value = nn.Linear(config.n_embd, config.n_embd, bias=config.bias)
        self.out = nn.Linear(config.n_embd, config.n_embd, bias=config.bias)

    def forward(
        self,
        x: Tensor,
        rotation: tuple[Tensor, Tensor] | None,
        mask: Tensor | None,
        causal: bool,
        cache: KVCache | None = None,
        layer: int = 0,
        kept: list[Tensor] | None = None,
    ) -> Tensor:
        """[batch, time, n_embd] -> the same shape.

        Args:
            x: the normed residual stream.
            rotation: cosines and sines for these positions, or None.
            mask: True where a query (row) may look at a key (column), [..., time, keys]; None: see `causal`.
            causal: without a mask: whether a position looks only at itself and back.
            cache: what was read before; these tokens are added to it.
            layer: which block this is, for the cache.
            kept: a list to which the attention weights are added, [batch, n_head, time, keys]. Computing them
                takes the slow path, in which the whole matrix exists; the numbers are the same.
        """
        query, key, value = (self._heads(linear(x)) for linear in (self.query, self.key, self.value))
        if self.qk_norm:
            query, key = (F.rms_norm(t, (self.head_dim,), eps=self.eps) for t in (query, key))
        if rotation is not None:
            cos, sin = (turn.to(query.dtype) for turn in rotation)
            query, key = rotate(query, cos, sin), rotate(key, cos, sin)
        if cache is not None:
            key, value = cache.extend(layer, key, value)
        key, value = key.to(query.dtype), value.to(query.dtype)  # autocast norms to float32, caches have their own
        if kept is None and not _small_on_cpu(query, key):
            mixed = F.scaled_dot_product_attention(query, key, value, attn_mask=mask, is_causal=causal and mask is None)
        else:
            weights = self.weights(query, key, mask, causal)
            if kept is not None:
                kept.append(weights)
            mixed = weights @ value
        return self.out(mixed.transpose(1, 2).flatten(2))

    def weights(self, query: Tensor, key: Tensor, mask: Tensor | None, causal: bool) -> Tensor:
        """softmax(query · key / √head_dim) over the keys that may be seen: [batch, n_head, time, keys]."""
        scores = query @ key.transpose(-2, -1) * self.head_dim**-0.5
        if mask is None and causal:
            mask = torch.ones(scores.shape[-2:], dtype=torch.bool, device=scores.device).tril()
        if mask is not None:
            scores = scores.masked_fill(~mask, -torch.inf)
        return scores.softmax(dim=-1)

    def _heads(self, x: Tensor) -> Tensor:
        """[batch, time, n_embd] -> [batch, n_head, time, head_dim]."""
        return x.view(*x.shape[:2], self.n_head, self.head_dim).transpose(1, 2)


def _small_on_cpu(query: Tensor, key: Tensor) -> bool:
    """Whether plain products are the faster way; see `SMALL`."""
    return query.device.type == "cpu" and query.shape[2] > 1 and key.shape[2] <= SMALL
