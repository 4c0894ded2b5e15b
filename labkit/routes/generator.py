"""The generator at work: routes to order, written within the grammar, with as much weight on the wish as one likes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
import torch.nn.functional as F  # noqa: N812 - its usual name

from labkit.gpt import GPT, load_gpt, save_gpt
from labkit.sampling import Sampling, generate, row_seed
from labkit.training.evaluate import evaluating

from .batches import NO_TARGET, Sequences, next_tokens
from .grammar import Grammar
from .route import Hold, Route
from .rules import Rules, faults_of_ids
from .tokens import EOS, PAD, RouteTokenizer, RouteTokensError

TOGETHER = 256
"""How many routes are written together."""
PROMPT = 4  # <BOS>, board, angle, grade


@dataclass(frozen=True)
class Wish:
    """What is asked for.

    Attributes:
        board: key of the board.
        angle: in degrees.
        grade: a V grade, or "any".
        holds: that the route must have: it is completed. Not all together can always come true: see `Grammar`.
    """

    board: str
    angle: int
    grade: int | Literal["any"] = "any"
    holds: tuple[Hold, ...] = ()


@dataclass(frozen=True)
class Written:
    """What came of a wish.

    Attributes:
        wish: as given.
        ids: all tokens, prompt and <EOS> included.
        route: that they are; None if they are none, or one that breaks the rules: then `problem` says how.
        problem: what is wrong; empty if nothing is.
    """

    wish: Wish
    ids: tuple[int, ...]
    route: Route | None
    problem: str = ""


class Generator:
    """Writes routes.

    Args:
        model: a causal GPT that was trained by `RouteRun`.
        tokenizer: of its routes; its boards are those that can be asked for.
        rules: how long a route may be; `Rules()` when left out.
        about: what is to be known of the model: it is saved with it.

    Attributes:
        model: likewise; the others as well.

    Raises:
        ValueError: for a model that cannot write these tokens, or whose block_size is less than the longest route.
    """

    def __init__(
        self, model: GPT, tokenizer: RouteTokenizer, rules: Rules | None = None, about: dict[str, Any] | None = None
    ) -> None:
        self.model, self.tokenizer, self.rules, self.about = model, tokenizer, rules or Rules(), about or {}
        if model.config.vocab_size != tokenizer.vocab_size:
            raise ValueError(
                f"the model knows {model.config.vocab_size} tokens, the tokenizer has {tokenizer.vocab_size}: is this "
                "the tokenizer of that model?"
            )
        if model.config.head != "lm" or not model.config.causal:
            raise ValueError("a generator is a causal language model; this one is for reading")
        self._grammars: dict[str, Grammar] = {}
        for key in tokenizer.boards:
            longest = self._grammar(key, ()).longest
            if longest > model.config.block_size:
                raise ValueError(
                    f"a route on board {key} may have {longest} tokens, the model reads {model.config.block_size}: "
                    "take a larger block_size, or rules with a smaller max_holds"
                )

    def write(
        self,
        wishes: Iterable[Wish],
        sampling: Sampling | None = None,
        guidance: float = 1.0,
        constrained: bool = True,
        seed: int | None = None,
    ) -> list[Written]:
        """A route for each wish.

        Args:
            wishes: what is asked for; as many may be the same as you like.
            sampling: how tokens are drawn; `Sampling()` when left out.
            guidance: how much the grade counts: see `labkit.sampling.generate`; without effect on grade "any".
            constrained: whether the grammar forbids what is no route. If not, the model may write anything, up to the
                length of the longest route.
            seed: of the draws; None: other routes each time. The same wishes in the same order get the same routes.

        Raises:
            ValueError: for a wish that no route can fulfil, or required holds without the grammar.
        """
        wishes = list(wishes)
        if not constrained and any(wish.holds for wish in wishes):
            raise ValueError("required holds need the grammar: leave constrained=True")
        alike: dict[tuple[str, tuple[Hold, ...]], list[int]] = {}
        for i, wish in enumerate(wishes):
            if wish.grade is None:  # such a prompt would leave the grade to the grammar
                raise ValueError('a wish has a V grade, or "any"; got None')
            self.tokenizer.prompt(wish.board, wish.angle, wish.grade)  # refuses what is not in the vocabulary
            alike.setdefault((wish.board, tuple(sorted(set(wish.holds)))), []).append(i)
        found: dict[int, Written] = {}
        for group, ((board, holds), rows) in enumerate(alike.items()):
            grammar = self._grammar(board, holds)
            for first in range(0, len(rows), TOGETHER):
                some = rows[first : first + TOGETHER]
                own = None if seed is None else row_seed(seed, group * 2**32 + first)
                written = self._written([wishes[i] for i in some], grammar, sampling, guidance, constrained, own)
                found.update(zip(some, written, strict=True))
        return [found[i] for i in range(len(wishes))]

    def routes(
        self,
        wishes: Iterable[Wish],
        sampling: Sampling | None = None,
        guidance: float = 1.0,
        seed: int | None = None,
    ) -> list[Route]:
        """`write` within the grammar: a route for each wish, valid by construction."""
        found = []
        for written in self.write(wishes, sampling, guidance, True, seed):
            if written.route is None:  # it would be a mistake in the grammar: say so at once
                raise RuntimeError(f"the grammar let through what is no route: {written.problem}")
            found.append(written.route)
        return found

    def surprise(self, written: Sequence[Written]) -> np.ndarray:
        """How little the model expected what it wrote: nats a token after the prompt, without guidance or grammar.

        Args:
            written: what `write` gave.

        Returns:
            [written]; 0 is what it was sure of.
        """
        rows = Sequences.of(each.ids for each in written)
        found = np.zeros(len(rows))
        with evaluating(self.model):
            for some in rows.by_length(TOGETHER):
                tokens, targets = next_tokens(*rows.padded(some, self.tokenizer.ids[PAD]))
                targets[:, : PROMPT - 1] = NO_TARGET
                logits = self.model(tokens.to(self.model.device)).cpu()
                nats = F.cross_entropy(
                    logits.flatten(0, 1), targets.flatten(), ignore_index=NO_TARGET, reduction="none"
                )
                found[some] = nats.view_as(targets).sum(1) / (targets != NO_TARGET).sum(1)
        return found

    def save(self, path: str | Path) -> Path:
        """Write model, tokenizer (with its boards) and rules as one safetensors file that `load_gpt` reads too."""
        rules = {"min_holds": self.rules.min_holds, "max_holds": self.rules.max_holds}
        return save_gpt(path, self.model.plain(), self.tokenizer, self.about | {"rules": rules})

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read what `save` wrote; weights that were kept in 16 bits are computed with in 32.

        Raises:
            FileNotFoundError: if there is no such file.
            ValueError: if it is not such a file; the message names it.
        """
        model, tokenizer, about = load_gpt(path)
        if not isinstance(tokenizer, RouteTokenizer):
            raise ValueError(f"{path}: a model of text, not of routes: `labkit routes train` writes a generator")
        try:
            rules = about.pop("rules", {})
            return cls(model.float(), tokenizer, Rules(**rules), about)
        except (TypeError, ValueError) as error:
            raise ValueError(f"{path}: {error}") from error

    def _grammar(self, board: str, holds: Sequence[Hold]) -> Grammar:
        if holds:
            return Grammar(self.tokenizer, self.rules, board, holds)
        if board not in self._grammars:
            self._grammars[board] = Grammar(self.tokenizer, self.rules, board)
        return self._grammars[board]

    def _written(
        self,
        wishes: Sequence[Wish],
        grammar: Grammar,
        sampling: Sampling | None,
        guidance: float,
        constrained: bool,
        seed: int | None,
    ) -> list[Written]:
        """For wishes of one board with the same required holds."""
        tokenizer, eos = self.tokenizer, self.tokenizer.ids[EOS]
        prompts = [tokenizer.prompt(wish.board, wish.angle, wish.grade) for wish in wishes]
        new = generate(
            self.model,
            prompts,
            grammar.longest - len(prompts[0]),
            sampling,
            stop=[eos],
            seed=seed,
            hook=grammar if constrained else None,
            against=[tokenizer.prompt(wish.board, wish.angle, "any") for wish in wishes],
            guidance=guidance,
        )
        found = []
        for wish, prompt, tokens in zip(wishes, prompts, new, strict=True):
            ids = (*prompt, *tokens)
            problems = faults_of_ids(ids, tokenizer, self.rules)
            try:
                route = None if problems else tokenizer.decode_route(ids)
            except RouteTokensError as error:
                route, problems = None, [str(error)]
            found.append(Written(wish, ids, route, "; ".join(problems)))
        return found
