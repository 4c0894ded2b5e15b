"""A GPT that is told of each token what it is made of: which hold, and where on the wall that is."""

import math
from typing import Self

import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from torch import Tensor, nn

from labkit.gpt import GPT, GPTConfig
from labkit.gpt.weights import load_weights, weights_of

from .tokens import RouteTokenizer

WAVES = (0.5, 1.0, 2.0, 4.0, 8.0)
"""How many turns a coordinate's sine and cosine make from one edge of the board to the other."""


class PlacedGPT(GPT):
    """A GPT whose token vectors are sums: the token's own, its hold's, and one for its place.

    A hold comes in four roles and so has four tokens. If each had only a vector of its own, what is learned of a hold
    as a start would have to be learned again of the same hold as a foot; so the four share one, too. The place is
    given as x, y and is-hold and, so that the product of two vectors can tell near from far, as waves in x and y
    (Fourier features, Tancik et al. 2020). A tied head reads the same sums.

    Args:
        config: of the trunk.
        tokenizer: of its tokens.
        seed: as in `GPT`.

    Attributes:
        holds: [vocab_size], which of the holds' vectors a token has; 0 for one that is no hold.
        features: [vocab_size, 3 + 4 · len(WAVES)], what is known of its place: given, not learned.
        shared: the holds' vectors.
        place: the linear layer from features to the stream.

    Raises:
        ValueError: for a config with another number of tokens.
    """

    holds: Tensor
    features: Tensor

    def __init__(self, config: GPTConfig, tokenizer: RouteTokenizer, seed: int | None = 0) -> None:
        if config.vocab_size != tokenizer.vocab_size:
            raise ValueError(f"the model knows {config.vocab_size} tokens, the tokenizer has {tokenizer.vocab_size}")
        super().__init__(config, seed=None)
        numbers: dict[tuple[str, int], int] = {}
        holds = [
            0 if entry is None else numbers.setdefault((entry[0], entry[1].placement), len(numbers) + 1)
            for entry in tokenizer.holds
        ]
        self.register_buffer("holds", torch.tensor(holds), persistent=False)
        self.register_buffer("features", with_waves(torch.tensor(tokenizer.features())), persistent=False)
        self.shared = nn.Embedding(len(numbers) + 1, config.n_embd)
        self.place = nn.Linear(self.features.shape[1], config.n_embd, bias=False)
        if seed is not None:
            self.initialise(seed)

    @torch.no_grad()
    def initialise(self, seed: int) -> Self:
        """Draw all weights anew; the place says most at first: what is true of it is true of all holds near it.

        (Its numbers are drawn by the same seed as the embeddings', and repeat some of them: it does no harm.)
        """
        super().initialise(seed)
        rng = torch.Generator().manual_seed(seed)
        std = 5 * (self.config.init_std or 1.0)
        self.place.weight.copy_(std * torch.randn(self.place.weight.shape, generator=rng))
        return self

    def table(self) -> Tensor:
        """The vectors of all tokens, [vocab_size, n_embd]."""
        return self.wte.weight + self.shared.weight[self.holds] + self.place(self.features)

    def embed(self, tokens: Tensor) -> Tensor:
        """The rows of `table` for tokens [batch, time]."""
        if self.config.tied:
            return F.embedding(tokens, self.table())
        return self.wte(tokens) + self.shared(self.holds[tokens]) + self.place(self.features[tokens])

    def read(self, x: Tensor) -> Tensor:
        """As `GPT.read`; a tied head is `table`."""
        return F.linear(x, self.table()) if self.config.tied else super().read(x)

    @torch.no_grad()
    def plain(self) -> GPT:
        """A copy as a GPT of which nothing more need be known: its embeddings are the sums. In evaluation mode."""
        own = ("shared.", "place.")
        weights = {name: weight for name, weight in weights_of(self).items() if not name.startswith(own)}
        model = GPT(self.config, seed=None).to(self.wte.weight.dtype)
        load_weights(model, weights | {"wte.weight": self.table()})
        return model.to(self.device).eval()


def with_waves(features: Tensor) -> Tensor:
    """Features (x, y, is-hold), [tokens, 3], and the sines and cosines of x and y: [tokens, 3 + 4 · len(WAVES)].

    A token that is no hold has zeros.
    """
    turns = 2 * math.pi * features[:, :2, None] * torch.tensor(WAVES)
    waves = torch.cat((turns.sin(), turns.cos()), -1).flatten(1)
    return torch.cat((features, waves * features[:, 2:]), 1)
