"""What `labkit rl` learns from and with: a file's texts as tokens of a model, weighted by their rewards."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from labkit.gpt.config import GPTConfig
from labkit.tokenizers import CharTokenizer, Tokenizer
from labkit.tokenizers.bpe import Special

from .options import flag
from .tokens import encode_text, special_policy

if TYPE_CHECKING:
    from labkit.gpt import GPT
    from labkit.rlhf.offline import Weighted
    from labkit.rlhf.scored import Scored
    from labkit.rlhf.sft import Example

SIZES = {"n_layer": 2, "n_head": 4, "n_embd": 64}
"""Of a fresh model."""
LONGEST = 1024
"""Tokens; a fresh model reads lines as long as the file has them, but no longer without being asked to."""
HELD_OUT, ENOUGH = 0.1, 10
"""The share of texts that is only measured on, where there are enough of them."""


@dataclass(frozen=True, eq=False)
class Material:
    """What there is to learn from, and who learns.

    Attributes:
        scored: the texts.
        model: a trained one, or the config of a fresh one.
        tokenizer: of the model.
        examples: the texts as the model's tokens.
    """

    scored: "list[Scored]"
    model: "GPT | GPTConfig"
    tokenizer: Tokenizer
    examples: "Sequence[Example]"

    def weighted(self, beta: float, cap: float, seed: int) -> "tuple[Weighted, Weighted | None]":
        """The texts to learn from, and those that are held out, drawn by the seed; one temperature weighs both."""
        import numpy as np

        from labkit.rlhf.offline import Weighted, deviation

        n = len(self.scored)
        order = np.random.default_rng(seed).permutation(n).tolist()
        cut = round(HELD_OUT * n) if n >= ENOUGH else 0
        out, kept = sorted(order[:cut]), sorted(order[cut:])
        rewards = [each.reward for each in self.scored]
        scale = deviation(rewards) or None  # equal rewards have none, and need none
        parts = []
        for rows in (kept, out):
            examples = [self.examples[i] for i in rows]
            parts.append(Weighted.of(examples, [rewards[i] for i in rows], beta, cap, scale) if rows else None)
        assert parts[0] is not None
        return parts[0], parts[1]


def material_of(source: Path, path: Path | None, special: Special | None, given: dict[str, int]) -> Material:
    """The texts as tokens of the model that is given, or of a fresh one over their characters.

    Args:
        source: the file of texts and rewards.
        path: of a model, or None.
        special: what --special asks for.
        given: the sizes that were asked for.

    Raises:
        ValueError: for a file that has a fault, or texts that the model cannot read; it names file and line.
    """
    from labkit.rlhf.scored import examples_of, read_scored

    scored = read_scored(source)
    if path is None:
        if special is not None:
            raise ValueError("--special is about the special tokens of a model's tokenizer: give --model too")
        characters = CharTokenizer.train([*(each.text for each in scored), "\n"])
        longest = max(len(each.text) for each in scored) + 1
        block_size = given.get("block_size", min(longest, LONGEST))
        examples = examples_of(scored, characters, block_size)
        config = GPTConfig.preset("modern", characters.vocab_size, **SIZES | given | {"block_size": block_size})
        return Material(scored, config, characters, examples)
    if given:
        raise ValueError(f"{', '.join(map(flag, given))}: the model of --model has its sizes; leave that out")
    from labkit.gpt import load_gpt

    model, tokenizer, _ = load_gpt(path)
    if tokenizer is None:
        raise ValueError(f"{path}: a model without a tokenizer; --model needs a file that `labkit train` wrote")
    policy = special_policy(tokenizer, special)
    try:
        examples = examples_of(
            scored, tokenizer, model.config.block_size, lambda text: encode_text(tokenizer, text, policy)
        )
    except ValueError as error:
        raise ValueError(f"{path} cannot learn that: {error}") from error
    return Material(scored, model, tokenizer, examples)
