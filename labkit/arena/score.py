"""How good an agent is: how well it predicts names that it never saw, and whether it writes new ones."""

import math
from collections.abc import Collection, Sequence
from typing import Protocol

from labkit.data import Names
from labkit.scalar import Value


class LanguageModel(Protocol):
    """What can be scored: a `GameGPT` of either engine, or anything that gives the loss of a document."""

    vocab_size: int
    block_size: int

    def loss(self, tokens: Sequence[int]) -> Value:
        """The mean cross-entropy in nats of predicting each token from those before it."""


def negative_log_likelihood(model: LanguageModel, name: str) -> tuple[float, int]:
    """-log of the probability that the model writes `name` at temperature 1, and the predictions in it.

    A name of n letters is n + 1 predictions: each letter, then the mark that ends it. What is past
    the model's block is not predicted, and not counted.

    Returns:
        (nats, predictions).
    """
    tokens = Names.encode(name)
    n = min(len(tokens) - 1, model.block_size)
    return model.loss(tokens).data * n, n


def perplexity(model: LanguageModel, names: Sequence[str]) -> float:
    """Exp of the mean cross-entropy per predicted token, over all tokens of `names`.

    As many equally likely letters as it hesitates between: 27 is guessing, 1 is knowing. Take names
    that the model was not trained on.

    Raises:
        ValueError: for no names.
    """
    if not names:
        raise ValueError("perplexity: there are no names to predict")
    nats, predictions = zip(*(negative_log_likelihood(model, name) for name in names), strict=True)
    mean = math.fsum(nats) / sum(predictions)
    return math.exp(mean) if mean < 700 else math.inf  # a model that has diverged; a float ends at exp(709)


def uniqueness(generated: Sequence[str], known: Collection[str]) -> float:
    """The share of the generated names that are new: not empty, not known, and each counted once.

    Args:
        generated: what an agent wrote, repetitions and all.
        known: what it was trained on; a set is fastest.

    Raises:
        ValueError: for no generated names.
    """
    if not generated:
        raise ValueError("uniqueness: there are no generated names to judge")
    return len({name for name in generated if name and name not in known}) / len(generated)


def quality(mean_nats: float, vocab_size: int = Names.vocab_size) -> float:
    """How far a mean cross-entropy lies on the way from guessing (0) to knowing (1).

    1 - H / log(vocab_size): the share of a guesser's code length that the model saves. Worse than
    guessing counts as 0.
    """
    if vocab_size < 2:
        raise ValueError(f"quality: a vocabulary has two tokens or more, got {vocab_size}")
    return min(1.0, max(0.0, 1 - mean_nats / math.log(vocab_size)))


def battle_score(perplexity: float, uniqueness: float, vocab_size: int = Names.vocab_size) -> float:
    """What decides a battle, 0 … 100: the balance of quality and uniqueness.

    100 · 2 q u / (q + u), their harmonic mean as in the F-score, with q = 1 - log(perplexity) /
    log(vocab_size). It rises with both, and the weaker side weighs more, so that neither of the two
    cheap tricks pays: who copies the training names has u = 0 and who babbles has q = 0, and either
    scores 0. (A plain mean would give them half of the points.)

    Raises:
        ValueError: for a perplexity below 1 or a uniqueness outside 0 … 1.
    """
    if not perplexity >= 1:
        raise ValueError(f"battle_score: a perplexity is 1 or more, got {perplexity}")
    if not 0 <= uniqueness <= 1:
        raise ValueError(f"battle_score: a uniqueness is 0 … 1, got {uniqueness}")
    q = quality(math.log(perplexity), vocab_size)
    return 100 * 2 * q * uniqueness / (q + uniqueness) if q + uniqueness else 0.0


def name_score(model: LanguageModel, name: str, new: bool) -> float:
    """The game's points for one generated name, 0 … 100.

    100 · `quality` of the name under the model that wrote it (its mean cross-entropy per predicted
    token), or 0 when it is empty or not new.
    """
    if not (name and new):
        return 0.0
    nats, predictions = negative_log_likelihood(model, name)
    return 100 * quality(nats / predictions, model.vocab_size)
