"""Self-alignment to a domain: a model learns from the best of what it wrote itself, and nobody else writes a word.

Each round the model writes, a reward that is a list of terms (`labkit.rlhf.domain`) says which texts are about the
domain, and the model is fine-tuned on the best share of them (expert iteration: Anthony et al. 2017; for language
models Gulcehre et al. 2023, "Reinforced self-training") or on all of them, weighted by reward. What it forgets
meanwhile is measured beside what it gains.
"""

import copy
import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal, Self, get_args

import torch
from torch import Tensor

from labkit.gpt import GPT
from labkit.sampling import row_seed
from labkit.tokenizers import Tokenizer
from labkit.training.evaluate import evaluate, evaluating, perplexity
from labkit.training.lm_config import LMConfig
from labkit.training.tokens import TokenArray

from .domain import Domain
from .estimators import k3
from .offline import OfflineRun, Weighted
from .policy import GPTPolicy, Samples, token_log_probs
from .rewards import TextReward
from .sft import Example, SFTRun

Method = Literal["filter", "weight"]
READ = 128
"""How many texts are read together."""


@dataclass(frozen=True)
class AlignConfig:
    """The choices of a self-alignment.

    Attributes:
        rounds: how often the model learns from what it wrote.
        samples: how many texts it writes for each round.
        max_new_tokens: the longest text.
        method: "filter" learns from the best share of the texts, "weight" from all, weighted by reward.
        keep: that share, for "filter".
        beta: for "weight": see `labkit.rlhf.advantage.advantage_weights`; the smaller, the more the best count.
        training: how a round trains; `max_steps` is that of one round.
        seed: of the texts of all rounds.

    Raises:
        ValueError: for a value that cannot be, with what can.
    """

    rounds: int = 3
    samples: int = 256
    max_new_tokens: int = 64
    method: Method = "filter"
    keep: float = 0.25
    beta: float = 0.5
    training: LMConfig = field(
        default_factory=lambda: LMConfig(max_steps=40, batch_size=32, lr=1e-3, optimizer="adamw", eval_every=0)
    )
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("rounds", "samples", "max_new_tokens"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise ValueError(f"AlignConfig: {name} must be a whole number of at least 1, got {value!r}")
        if self.method not in get_args(Method):
            raise ValueError(f"AlignConfig: method must be one of {', '.join(get_args(Method))}, got {self.method!r}")
        if not 0 < self.keep < 1:
            raise ValueError(f"AlignConfig: keep must be a share above 0 and below 1, got {self.keep!r}")
        if not 0 < self.beta < math.inf:
            raise ValueError(f"AlignConfig: beta must be a number above 0, got {self.beta!r}")
        if self.training.max_steps is None or self.training.eval_every:
            raise ValueError("AlignConfig: training needs max_steps, and eval_every=0: the rounds are what is measured")


@dataclass(frozen=True)
class Round:
    """Where the model stands after a round; round 0 is before the first.

    Attributes:
        round: its number.
        density: terms in 100 words of its texts.
        coverage: the share of the terms that its texts have.
        reward: mean reward of its texts.
        distinct: the share of its texts that are different: a model that says one thing only has collapsed.
        length: mean number of tokens in a text.
        kl: from the reference, in nats a token: the k3 estimate on the round's own texts; 0 for round 0.
        perplexity: of held-out text that the reference knows, by the model; nan without one.
        learned: how many texts the round learned from.
        texts: what the model wrote after the round.
    """

    round: int
    density: float
    coverage: float
    reward: float
    distinct: float
    length: float
    kl: float
    perplexity: float
    learned: int
    texts: list[str] = field(repr=False)


class SelfAlignment(Iterator[Round]):
    """Rounds of writing, choosing and learning: `for state in SelfAlignment(...)` is all of it.

    The first state is that before any learning; there is one more than `config.rounds`.

    Args:
        model: a causal language model, the reference; it is left as it is.
        tokenizer: of that model.
        domain: what texts should be about; it also measures.
        prompts: token ids that texts begin after, one at least each.
        stop: tokens that end a text.
        held_out: [n] ids of text of the reference's kind, for the drift; None: it is not measured.
        reward: what texts are chosen by; `domain.reward` when left out. `domain.varied` resists repetition.
        config: how.

    Raises:
        ValueError: for a model, prompts or config that do not fit; in a round, when all texts are worth the same.

    Attributes:
        model: as it is now.
        reference: as it was.
        history: all states so far.
    """

    def __init__(
        self,
        model: GPT,
        tokenizer: Tokenizer,
        domain: Domain,
        prompts: Sequence[Sequence[int]],
        stop: Collection[int] = (),
        held_out: TokenArray | None = None,
        reward: TextReward | None = None,
        config: AlignConfig | None = None,
    ) -> None:
        if tokenizer.vocab_size != model.config.vocab_size:
            raise ValueError(
                f"SelfAlignment: the tokenizer has {tokenizer.vocab_size} tokens, the model {model.config.vocab_size}"
            )
        self.config = config or AlignConfig()
        self.reference = copy.deepcopy(model.plain()).eval().requires_grad_(False)
        self.model = self.reference
        self.tokenizer, self.domain, self.held_out = tokenizer, domain, held_out
        self.prompts, self.stop = prompts, frozenset(stop)
        self.reward = reward or domain.reward
        self.history: list[Round] = []
        GPTPolicy(model, prompts, self.config.max_new_tokens, stop)  # raises for prompts that do not fit

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Round:
        if len(self.history) > self.config.rounds:
            raise StopIteration
        learned = self._learn() if self.history else 0
        policy = GPTPolicy(self.model, self.prompts, self.config.max_new_tokens, self.stop)
        self._samples = policy.sample(self.config.samples, row_seed(self.config.seed, -1 - len(self.history)))
        texts = [self._text(ids) for ids in self._samples.texts()]
        self._rewards = torch.tensor([self.reward(text) for text in texts], dtype=torch.float64)
        state = Round(
            round=len(self.history),
            density=self.domain.density(texts),
            coverage=self.domain.coverage(texts),
            reward=float(self._rewards.mean()),
            distinct=len(set(texts)) / len(texts),
            length=float(self._samples.lengths.double().mean()),
            kl=token_kl(self.model, self.reference, self._samples),
            perplexity=math.nan if self.held_out is None else perplexity(evaluate(self.model, self.held_out)),
            learned=learned,
            texts=texts,
        )
        self.history.append(state)
        return state

    def _text(self, ids: list[int]) -> str:
        """What was written, without the token that ended it."""
        return self.tokenizer.decode(ids[:-1] if ids and ids[-1] in self.stop else ids)

    def _learn(self) -> int:
        """Fine-tune on the texts of the state before; returns how many of them."""
        config, rewards = self.config, self._rewards
        if rewards.min() == rewards.max():
            raise ValueError(
                f"round {len(self.history)}: all {len(rewards)} texts are worth {rewards[0]:g}, so none is better than "
                "another: take more samples, longer ones, or terms that the model writes now and then"
            )
        examples = [_example(*row) for row in zip(self._samples.ids, self._samples.written, strict=True)]
        run: SFTRun
        if config.method == "filter":
            best = rewards.argsort(descending=True, stable=True)[: max(1, round(config.keep * len(examples)))]
            chosen = [examples[i] for i in best.tolist() if rewards[i] > rewards.min()]
            run = SFTRun(self.model, chosen, config=config.training)
        else:
            chosen = examples
            run = OfflineRun(self.model, Weighted.of(chosen, rewards.tolist(), config.beta), config=config.training)
        for _ in run:
            pass
        self.model = run.model.eval()
        return len(chosen)


def token_kl(model: GPT, reference: GPT, samples: Samples) -> float:
    """KL(model‖reference) in nats a token, estimated from texts that the model wrote: the mean of k3.

    Args:
        model: who wrote `samples`.
        reference: who did not.
        samples: one text at least.
    """
    total = 0.0
    with evaluating(model), evaluating(reference):
        for rows in torch.arange(len(samples)).split(READ):
            some = samples.take(rows)
            # Where nothing was written both are 0, and k3 is 0 too.
            total += float(k3(token_log_probs(model, some), token_log_probs(reference, some)).sum())
    return total / int(samples.written.sum())


def _example(ids: Tensor, written: Tensor) -> Example:
    """A text as something to learn: its prompt, and what was written after it."""
    return Example(ids[: int(written.int().argmax())].tolist(), ids[written].tolist())
