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

from .policy import PairBatch, Samples

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
    a policy that earns it writes routes of one grade. A policy is a table (`labkit.rlhf.table`), or a causal GPT under
    the grammar; over all routes its probabilities sum to 1, so its KL to anything is a sum.

    Attributes:
        board: with its simulated holds.
        tokenizer: of it.
        routes: all of them, 4,200.
        ids: their tokens from <BOS> to <EOS>, padded on the right: [n, time].
        prompt: how many tokens all routes begin with.
        nodes: all beginnings of routes, as a tree: at which node a route is before each token after the prompt,
            [n, time - prompt]; -1 where one token alone can follow, the end or padding, so that there is no choice.
        choices: what the grammar lets follow each node, [nodes, vocab_size].
        rewards: [n], float64.
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
        branches = {key: i for i, key in enumerate(k for k, tokens in follow.items() if len(tokens) > 1)}
        self.nodes = torch.tensor(
            [[branches.get(tuple(row[:at]), -1) for at in range(self.prompt, longest)] for row in rows]
        )
        self.choices = torch.zeros(len(branches), self.tokenizer.vocab_size, dtype=torch.bool)
        for key, i in branches.items():
            self.choices[i, follow[key]] = True
        self._salt = torch.randint(2**62, (longest,), generator=torch.Generator().manual_seed(0))
        self._keys, self._numbers = (self.ids * self._salt).sum(1).sort()
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
        each = logits.masked_fill(~self.choices[self.nodes], -torch.inf).log_softmax(-1)
        each = each.gather(-1, self.ids[:, self.prompt :, None])[..., 0]
        return torch.where(self.nodes < 0, 0.0, each).sum(1)

    def numbers(self, ids: Tensor) -> Tensor:
        """Which routes these are, [batch]: their places in `routes`.

        Args:
            ids: [batch, time], as in `ids`.

        Raises:
            ValueError: for a row that is no route of this board.
        """
        keys = (ids * self._salt).sum(1)  # of 4,200 rows no two have the same: a 62-bit number tells them apart
        found = self._numbers[torch.searchsorted(self._keys, keys).clamp(max=len(self) - 1)]
        if wrong := (self.ids[found] != ids).any(1).nonzero().flatten().tolist():
            raise ValueError(f"row {wrong[0]} is no route of the toy board: {ids[wrong[0]].tolist()}")
        return found

    def text(self, ids: Tensor) -> str:
        """A route's ids [time] as text, without padding."""
        return self.tokenizer.decode(ids[ids != self.tokenizer.ids[PAD]].tolist())

    def samples(self, numbers: Tensor) -> Samples:
        """Routes by their numbers [batch], as a policy writes them."""
        ids = self.ids[numbers]
        written = ids != self.tokenizer.ids[PAD]
        written[:, : self.prompt] = False
        return Samples(ids, written)

    def reward(self, samples: Samples) -> Tensor:
        """The true reward of routes, [batch]."""
        return self.rewards[self.numbers(samples.ids)]

    def pairs(self, log_probs: Tensor, n: int, seed: int) -> PairBatch:
        """Pairs of routes that a policy writes, and which of the two somebody preferred who goes by the true reward.

        The better one wins with the probability sigmoid(difference of rewards), as Bradley and Terry (1952) have it.

        Args:
            log_probs: of the policy, [routes].
            n: how many pairs.
            seed: of draws and answers.
        """
        a, b = self.sample(log_probs, 2 * n, seed).view(2, n)
        # Not the same seed again: the answers would then depend on what was drawn, and not by its reward alone.
        answers = torch.Generator().manual_seed(seed ^ 0x5EED)
        wins = torch.rand(n, generator=answers, dtype=torch.float64) < (self.rewards[a] - self.rewards[b]).sigmoid()
        return PairBatch(self.samples(torch.where(wins, a, b)), self.samples(torch.where(wins, b, a)))

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
