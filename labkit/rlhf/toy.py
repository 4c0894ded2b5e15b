"""The toy board: seven simulated holds, every route on them, and what each is worth: all of it is known."""

from typing import Any

import torch
from torch import Tensor

from labkit.gpt import GPT, GPTConfig
from labkit.routes.board import Board, Placement, board_configs
from labkit.routes.climber import difficulty
from labkit.routes.grammar import Grammar
from labkit.routes.route import Route
from labkit.routes.rules import Rules
from labkit.routes.tokens import EOS, PAD, RouteTokenizer

HOLDS = (
    (1, -12.0, 12.0, 0.3),
    (2, 10.0, 16.0, 0.6),
    (3, -8.0, 40.0, 0.8),
    (4, 12.0, 52.0, 0.5),
    (5, -14.0, 72.0, 0.35),
    (6, 8.0, 88.0, 0.6),
    (7, -4.0, 112.0, 0.7),
)
"""Placement, x and y in inches, quality."""
ANGLE, WANTED = 30, 20.0
"""Degrees, and the difficulty that the true reward asks for."""
RULES = Rules(3, 4)


class ToyBoard:
    """All routes of three or four holds on a board of seven, with their true rewards.

    The reward is -|difficulty - WANTED| / 4 by the simulated climber, so at most 0: it can be asked of every route, and
    a policy that earns it writes routes of one grade. A policy is a causal GPT under the grammar; over all routes its
    probabilities sum to 1, so its KL to anything is a sum.

    Attributes:
        board: with its simulated holds.
        tokenizer: of it.
        routes: all of them, 4,200.
        ids: their tokens from <BOS> to <EOS>, padded on the right: [n, time].
        allowed: what the grammar lets follow each place after the prompt, [n, time - prompt, vocab_size]; padding alone
            after the end, so that it costs nothing.
        rewards: [n], float64.
        prompt: how many tokens all routes begin with.
    """

    def __init__(self) -> None:
        config = next(config for config in board_configs().values() if config.key == "TB2")
        self.board = Board(config, [Placement(at, x, y, None, quality) for at, x, y, quality in HOLDS])
        self.tokenizer = RouteTokenizer.for_boards([self.board])
        grammar = Grammar(self.tokenizer, RULES)
        begin = self.tokenizer.prompt("TB2", ANGLE, "any")
        self.prompt = len(begin)
        rows, follow = _written(grammar, begin, self.tokenizer.ids[EOS])
        longest = max(map(len, rows))
        pad = self.tokenizer.ids[PAD]
        self.ids = torch.tensor([row + [pad] * (longest - len(row)) for row in rows])
        self.allowed = torch.zeros(len(rows), longest - self.prompt, self.tokenizer.vocab_size, dtype=torch.bool)
        for i, row in enumerate(rows):
            for at in range(self.prompt, longest):
                tokens = follow[tuple(row[:at])] if at < len(row) else [pad]
                self.allowed[i, at - self.prompt, tokens] = True
        self.routes: list[Route] = [self.tokenizer.decode_route(row) for row in rows]
        hard = [difficulty(self.board, route.holds, ANGLE) for route in self.routes]
        self.rewards = -(torch.tensor(hard, dtype=torch.float64) - WANTED).abs() / 4

    def __len__(self) -> int:
        return len(self.routes)

    def model(self, **changes: Any) -> GPTConfig:
        """The config of a small policy; `changes` as in `GPTConfig`."""
        chosen = {"block_size": self.ids.shape[1], "n_layer": 1, "n_head": 2, "n_embd": 32, "init_std": 0.1}
        return GPTConfig.preset("modern", self.tokenizer.vocab_size, **chosen | changes)

    def log_probs(self, model: GPT) -> Tensor:
        """The log-probability of every route under a policy and the grammar, [n], float64; with gradients.

        Args:
            model: a causal language model over the tokenizer's tokens.

        Raises:
            ValueError: for a model of another vocabulary.
        """
        if model.config.vocab_size != self.tokenizer.vocab_size:
            raise ValueError(
                f"the model knows {model.config.vocab_size} tokens, the toy board has {self.tokenizer.vocab_size}"
            )
        logits = model(self.ids[:, :-1])[:, self.prompt - 1 :].double()
        each = logits.masked_fill(~self.allowed, -torch.inf).log_softmax(-1)
        return each.gather(-1, self.ids[:, self.prompt :, None])[..., 0].sum(1)

    def sample(self, log_probs: Tensor, n: int, seed: int) -> Tensor:
        """Numbers of routes that a policy writes, [n]: drawn from all of them at once, which is the same and quicker.

        Args:
            log_probs: of the policy, [routes].
            n: how many.
            seed: of the draws.
        """
        rng = torch.Generator().manual_seed(seed)
        return torch.multinomial(log_probs.detach().exp(), n, replacement=True, generator=rng)


def _written(grammar: Grammar, begin: list[int], eos: int) -> tuple[list[list[int]], dict[tuple[int, ...], list[int]]]:
    """All that the grammar lets be written after a beginning, and what it lets follow each part of it."""
    done: list[list[int]] = []
    follow: dict[tuple[int, ...], list[int]] = {}
    going = [begin]
    while going:
        row = going.pop()
        follow[tuple(row)] = grammar.allowed(row).tolist()
        for token in follow[tuple(row)]:
            (done if token == eos else going).append([*row, token])
    return sorted(done), follow
