"""One transformer for the whole course; its recipes differ in the config, its tasks in the head."""

import math
from pathlib import Path
from typing import Any, NamedTuple, Self

import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from torch import Tensor, nn

from .attention import Attention, KVCache
from .config import GPTConfig
from .layers import MLP, ShortConv, make_norm, rotations


class Block(nn.Module):
    """Attention, then the MLP; each reads a normed copy of the residual stream and adds to the stream."""

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        self.conv = ShortConv(config) if config.conv_width > 1 else None
        self.attention_norm = make_norm(config)
        self.attention = Attention(config)
        self.mlp_norm = make_norm(config)
        self.mlp = MLP(config)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, x: Tensor, *context: Any) -> Tensor:
        """[batch, time, n_embd] -> the same shape; `context` is what `Attention.forward` takes after x."""
        if not self.training:  # a call that does nothing still costs, and a cached token is made of small calls
            x = x + self.attention(self.attention_norm(x), *context)
            return x + self.mlp(self.mlp_norm(x))
        x = x + self.dropout(self.attention(self.attention_norm(x), *context))
        return x + self.dropout(self.mlp(self.mlp_norm(x)))


class View(NamedTuple):
    """Who sees whom, and from where: what all blocks of one forward pass share.

    Attributes:
        positions: of the tokens: a slice where all sequences have the same, else [batch, time].
        mask: True where a query may look at a key, or None where `causal` says it all.
        causal: whether, without a mask, a position looks only at itself and back.
    """

    positions: slice | Tensor
    mask: Tensor | None
    causal: bool


class GPT(nn.Module):
    """A transformer with a head.

    >>> model = GPT(GPTConfig.preset("modern", vocab_size=65))
    >>> model(torch.zeros(2, 8, dtype=torch.long)).shape
    torch.Size([2, 8, 65])

    Args:
        config: what it is made of.
        seed: seeds the weights; None leaves them as they come, for a model whose weights are about to be loaded.

    Attributes:
        config: as given.
        wte: the token embeddings, [vocab_size, n_embd].
        wpe: the position embeddings, [block_size, n_embd], or None.
        blocks: the transformer blocks.
        head: the linear layer at the end.
    """

    cos: Tensor
    sin: Tensor

    def __init__(self, config: GPTConfig, seed: int | None = 0) -> None:
        super().__init__()
        self.config = config
        self.wte = nn.Embedding(config.vocab_size, config.n_embd)
        self.wpe = nn.Embedding(config.block_size, config.n_embd) if config.positions == "learned" else None
        self.embedding_norm = make_norm(config) if config.embedding_norm else nn.Identity()
        self.dropout = nn.Dropout(config.dropout)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.n_layer))
        self.final_norm = make_norm(config) if config.final_norm else nn.Identity()
        lm = config.head == "lm"
        self.head = nn.Linear(config.n_embd, config.vocab_size if lm else config.n_outputs, bias=not lm)
        if config.tied:
            self.head.weight = self.wte.weight
        if config.positions == "rope":
            cos, sin = rotations(config)
            self.register_buffer("cos", cos, persistent=False)
            self.register_buffer("sin", sin, persistent=False)
        if seed is not None:
            self.initialise(seed)

    @classmethod
    def from_hf(cls, path: str | Path) -> "GPT":
        """The model of a GPT-2 checkpoint folder in Hugging Face's layout; see `labkit.gpt.hf.load_hf`."""
        from .hf import load_hf  # that module builds on this one

        return load_hf(path)

    @torch.no_grad()
    def initialise(self, seed: int) -> Self:
        """Draw all weights anew; norms start as if they were not there."""
        config, rng = self.config, torch.Generator().manual_seed(seed)
        writers = [part.out for part in self.modules() if isinstance(part, Attention)]
        writers += [part.down for part in self.modules() if isinstance(part, MLP)]
        for module in self.modules():
            if isinstance(module, nn.Linear):
                std = config.init_std or module.in_features**-0.5
                if module in writers and config.scaled_init:
                    std /= math.sqrt(2 * config.n_layer)
                module.weight.copy_(std * torch.randn(module.weight.shape, generator=rng))
                if config.zero_init and (module in writers or (module is self.head and not config.tied)):
                    module.weight.zero_()
                if module.bias is not None:
                    module.bias.zero_()
            elif isinstance(module, nn.Embedding):
                module.weight.copy_((config.init_std or 1.0) * torch.randn(module.weight.shape, generator=rng))
            elif isinstance(module, ShortConv):
                module.weight.zero_()
            elif isinstance(module, nn.LayerNorm | nn.RMSNorm):
                module.reset_parameters()
        return self

    @property
    def n_params(self) -> int:
        """How many weights; tied ones count once."""
        return sum(p.numel() for p in self.parameters())

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.wte.weight.device

    def new_cache(self, batch_size: int = 1) -> KVCache:
        """An empty cache for `batch_size` sequences side by side."""
        return KVCache(self.config, batch_size, self.wte.weight)

    def plain(self) -> "GPT":
        """The same model as one that these weights say all of; a model that knows more of its tokens writes it in."""
        return self

    # -- forward

    def forward(
        self,
        tokens: Tensor,
        real: Tensor | None = None,
        cache: KVCache | None = None,
        attention: list[Tensor] | None = None,
    ) -> Tensor:
        """What the head says.

        Args:
            tokens: ids, [batch, time]; with a cache, only those that it has not read yet.
            real: False where a token only pads a sequence to the length of the others, [batch, time];
                padding may be on either side. None: all tokens are real.
            cache: of `new_cache`; it is extended by these tokens. Not for training.
            attention: a list to which each block adds its attention weights, [batch, n_head, time, keys].

        Returns:
            Logits [batch, time, vocab_size] of the next tokens; of a regression [batch], of a classification
            [batch, n_outputs]. What comes out at a padding token means nothing.

        Raises:
            ValueError: for tokens of another shape, more than block_size of them, or ids outside the vocabulary
                (these are noticed on a CPU alone: a GPU would have to be waited for).
        """
        x = self.hidden(tokens, real, cache, attention)
        if self.config.head == "lm":
            return self.read(x)
        out = self.read(self._pooled(x, real))
        return out.squeeze(-1) if self.config.head == "regression" else out

    def hidden(
        self,
        tokens: Tensor,
        real: Tensor | None = None,
        cache: KVCache | None = None,
        attention: list[Tensor] | None = None,
    ) -> Tensor:
        """The residual stream after the last norm, [batch, time, n_embd]: what the head reads."""
        view = self._view(tokens, real, cache)
        try:
            x = self.embed(tokens)
        except IndexError:
            raise ValueError(
                f"GPT: tokens must be 0 … {self.config.vocab_size - 1}, got {int(tokens.min())} … {int(tokens.max())}"
            ) from None
        if self.wpe is not None:
            x = x + self.wpe.weight[view.positions]
        x = self.dropout(self.embedding_norm(x))
        rotation = None
        if self.config.positions == "rope":
            rotation = self.cos[view.positions], self.sin[view.positions]
            if isinstance(view.positions, Tensor):  # each sequence has its own: one more dimension for the heads
                rotation = rotation[0][:, None], rotation[1][:, None]
        for layer, block in enumerate(self.blocks):
            if isinstance(block.conv, ShortConv):
                x = _convolved(block.conv, x, real, cache, layer)
            x = block(x, rotation, view.mask, view.causal, cache, layer, attention)
        if cache is not None:
            cache.length += tokens.shape[1]
        return self.final_norm(x)

    def embed(self, tokens: Tensor) -> Tensor:
        """What stands for tokens [batch, time] at the bottom of the stream: [batch, time, n_embd].

        A model that knows more of its tokens than their ids adds it here.
        """
        return self.wte(tokens)

    def read(self, x: Tensor) -> Tensor:
        """What the head makes of the stream, [..., n_embd] -> [..., vocab_size or n_outputs]."""
        return self.head(x)

    def _view(self, tokens: Tensor, real: Tensor | None, cache: KVCache | None) -> View:
        if tokens.ndim != 2 or tokens.shape[1] < 1:
            raise ValueError(f"GPT: tokens must have the shape [batch, time], got {list(tokens.shape)}")
        if tokens.dtype not in (torch.int64, torch.int32):
            raise ValueError(f"GPT: tokens must be whole numbers (torch.long), got {tokens.dtype}")
        before, new = cache.length if cache is not None else 0, tokens.shape[1]
        if before + new > self.config.block_size:
            cached = f" after {before} in the cache" if before else ""
            raise ValueError(f"GPT: {new} tokens{cached} are more than block_size ({self.config.block_size})")
        if real is not None and real.shape != tokens.shape:
            raise ValueError(f"GPT: real must have the shape of tokens, {list(tokens.shape)}, got {list(real.shape)}")
        if real is not None and real.dtype != torch.bool:
            raise ValueError(f"GPT: real must be True and False (torch.bool), got {real.dtype}")
        if cache is not None and not self.config.causal:
            raise ValueError("GPT: a cache needs a causal model: here earlier tokens see later ones")
        if cache is not None and cache.batch_size != len(tokens):
            raise ValueError(f"GPT: the cache is for {cache.batch_size} sequences, got tokens for {len(tokens)}")
        seen = cache.mark(real, new) if cache is not None else real
        end, device = before + new, tokens.device
        if seen is None and (before == 0 or new == 1):  # the kernel's own causal mask; one new token sees all
            return View(slice(before, end), None, self.config.causal and before == 0)
        rows, columns = torch.arange(before, end, device=device), torch.arange(end, device=device)
        back = rows[:, None] >= columns
        if seen is None:
            return View(slice(before, end), back, False)
        mask = seen[:, None, :] & back if self.config.causal else seen[:, None, :].expand(-1, new, -1)
        mask = mask | (rows[:, None] == columns)  # padding sees itself: a row that sees nothing is nan
        positions = (seen.cumsum(1) - 1).clamp(min=0)[:, before:]
        return View(positions, mask[:, None], False)

    def _pooled(self, x: Tensor, real: Tensor | None) -> Tensor:
        """One vector for a sequence, [batch, n_embd]: of its last token where that has seen all; else the mean."""
        if real is None:
            return x[:, -1] if self.config.causal else x.mean(1)
        if not self.config.causal:
            weights = real.to(x.dtype)
            return (x * weights[..., None]).sum(1) / weights.sum(1, keepdim=True).clamp(min=1)
        last = (real * torch.arange(1, real.shape[1] + 1, device=x.device)).argmax(1)
        return x[torch.arange(len(x), device=x.device), last]

    def loss(self, tokens: Tensor, targets: Tensor, real: Tensor | None = None) -> Tensor:
        """How wrong the head is, as one number to descend.

        Args:
            tokens: ids, [batch, time].
            targets: for "lm": the token after each, [batch, time], -1 where none counts; for "regression":
                numbers, [batch]; for "classification": classes, [batch].
            real: as in `forward`; targets at padding are left out.

        Returns:
            The mean cross-entropy in nats; for a regression the mean squared error.
        """
        out = self(tokens, real)
        out = out.to(torch.promote_types(out.dtype, torch.float32))  # exact where logits are rounded to half the bits
        if self.config.head == "regression":
            return F.mse_loss(out, targets.to(out.dtype))
        if self.config.head == "lm" and real is not None:
            targets = targets.masked_fill(~real, -1)
        return F.cross_entropy(out.flatten(0, -2), targets.flatten(), ignore_index=-1)


def _convolved(conv: ShortConv, x: Tensor, real: Tensor | None, cache: KVCache | None, layer: int) -> Tensor:
    """The stream after a block's convolution; with a cache the last positions of the pass before count too."""
    if real is not None:
        x = x * real[..., None]  # padding hands nothing on
    if cache is None:
        return conv(x, x.new_zeros(len(x), len(conv.weight), x.shape[2]))
    earlier = cache.recent[layer]
    line = torch.cat((earlier, x.detach()), dim=1)
    if real is not None:  # what comes next follows the last real tokens: padding to the front, the rest in its order
        order = F.pad(real, (len(conv.weight), 0), value=True).int().argsort(dim=1, stable=True)
        line = line.gather(1, order[..., None].expand_as(line))
    out = conv(x, earlier)
    cache.recent[layer] = line[:, -len(conv.weight) :]
    return out
