"""A policy writes, and says how likely each token of a text was: all that the methods of this chapter ask of it."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from labkit.gpt import GPT
from labkit.sampling import generate


@dataclass(frozen=True, eq=False)
class Samples:
    """Texts that a policy wrote.

    Attributes:
        ids: prompt and text, [n, time], padded on the right.
        written: True at tokens that the policy wrote, its end token too, [n, time]; prompt and padding are False.
    """

    ids: Tensor
    written: Tensor

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def lengths(self) -> Tensor:
        """How many tokens of each the policy wrote, [n]."""
        return self.written.sum(1)

    def take(self, index: Tensor) -> "Samples":
        """Some of them, in that order."""
        return Samples(self.ids[index], self.written[index])

    def texts(self) -> list[list[int]]:
        """The tokens that were written, without prompt and padding."""
        return [ids[written].tolist() for ids, written in zip(self.ids, self.written, strict=True)]


class PairBatch(NamedTuple):
    """Which text was preferred to which, row by row."""

    chosen: Samples
    rejected: Samples


class Critic(nn.Module, ABC):
    """What PPO expects to be earned from each place on."""

    @abstractmethod
    def values(self, samples: Samples) -> Tensor:
        """The value of what stands before each token, [n, time]; what stands where none was written means nothing."""


class Policy(nn.Module, ABC):
    """A distribution over texts, with weights.

    Attributes:
        longest: how many tokens a text has at most.
    """

    longest: int

    @abstractmethod
    def sample(self, n: int, seed: int, group: int = 1) -> Samples:
        """Texts drawn from it, without gradients.

        Args:
            n: how many, divisible by `group`.
            seed: of the draws.
            group: so many in a row answer the same prompt.
        """

    @abstractmethod
    def log_probs(self, samples: Samples) -> Tensor:
        """The log-probability of each written token given what stands before it, [n, time]; 0 elsewhere.

        A row's sum is the log-probability of its text. With gradients.
        """

    @abstractmethod
    def critic(self) -> Critic:
        """A fresh one, for texts of this policy."""


class GPTPolicy(Policy):
    """A GPT that answers prompts, at temperature 1: what it is trained on is what it says.

    Args:
        model: a causal language model.
        prompts: token ids, one at least each; a call of `sample` takes them in an order drawn by its seed.
        max_new_tokens: the longest text.
        stop: tokens that end a text.

    Raises:
        ValueError: for no prompts, or a prompt that leaves no room in the model for max_new_tokens.
    """

    def __init__(
        self, model: GPT, prompts: Sequence[Sequence[int]], max_new_tokens: int, stop: Collection[int] = ()
    ) -> None:
        super().__init__()
        if not prompts or not all(len(prompt) for prompt in prompts):
            raise ValueError(f"a policy needs prompts of at least one token each, got {[list(p) for p in prompts]}")
        if max_new_tokens < 1:
            raise ValueError(f"max_new_tokens must be at least 1, got {max_new_tokens}")
        if model.config.head != "lm" or not model.config.causal:
            raise ValueError("a policy writes: it needs a causal language model")
        longest = max(map(len, prompts))
        if longest + max_new_tokens > model.config.block_size:
            raise ValueError(
                f"a prompt of {longest} tokens and {max_new_tokens} new ones do not fit into block_size "
                f"({model.config.block_size}): texts must be seen whole"
            )
        self.model, self.longest = model, max_new_tokens
        self.prompts, self.stop = [list(prompt) for prompt in prompts], frozenset(stop)

    def sample(self, n: int, seed: int, group: int = 1) -> Samples:
        """See `Policy`."""
        if n < 1 or group < 1 or n % group:
            raise ValueError(f"{n} texts cannot be groups of {group}")
        order = torch.randperm(len(self.prompts), generator=torch.Generator().manual_seed(seed)).tolist()
        asked = [self.prompts[order[i % len(order)]] for i in range(n // group) for _ in range(group)]
        return padded(asked, generate(self.model, asked, self.longest, stop=self.stop, seed=seed))

    def log_probs(self, samples: Samples) -> Tensor:
        """See `Policy`."""
        return token_log_probs(self.model, samples)

    def critic(self) -> "GPTCritic":
        """A GPT of the same size that begins at this one's trunk."""
        return GPTCritic(self.model)


class GPTCritic(Critic):
    """A GPT with a scalar head at every position, which starts at zero.

    Args:
        model: whose config and trunk it begins with.
    """

    def __init__(self, model: GPT) -> None:
        super().__init__()
        self.model = GPT(model.config.changed(head="regression", n_outputs=1, tied=False), seed=0).to(model.device)
        trunk = {name: p for name, p in model.state_dict().items() if not name.startswith("head.")}
        self.model.load_state_dict(trunk, strict=False)
        nn.init.zeros_(self.model.head.weight)

    def values(self, samples: Samples) -> Tensor:
        """See `Critic`."""
        values = self.model.read(self.model.hidden(samples.ids[:, :-1].to(self.model.device)))[..., 0]
        values = values.to(samples.ids.device)
        return torch.cat((values.new_zeros(len(values), 1), values), dim=1)


def padded(prompts: Sequence[Sequence[int]], texts: Sequence[Sequence[int]]) -> Samples:
    """Prompts with what was written after each, as one tensor."""
    rows = [[*prompt, *text] for prompt, text in zip(prompts, texts, strict=True)]
    ids = torch.zeros(len(rows), max(map(len, rows)), dtype=torch.long)
    written = torch.zeros_like(ids, dtype=torch.bool)
    for i, (row, prompt) in enumerate(zip(rows, prompts, strict=True)):
        ids[i, : len(row)] = torch.tensor(row)
        written[i, len(prompt) : len(row)] = True
    return Samples(ids, written)


def token_log_probs(model: GPT, samples: Samples) -> Tensor:
    """The log-probability of each written token under a causal language model, [n, time], where the samples are (the
    model may be on another device); 0 elsewhere.

    Padding stands on the right, where a causal model does not see it.

    Raises:
        ValueError: for a text without a prompt: nothing says how likely its first token is.
    """
    if samples.written[:, 0].any():
        raise ValueError("a text begins after a prompt of one token at least, or its first token is left out")
    ids, written = samples.ids.to(model.device), samples.written.to(model.device)
    logits = model(ids[:, :-1]).float()
    each = logits.gather(-1, ids[:, 1:, None])[..., 0] - logits.logsumexp(-1)
    found = torch.cat((each.new_zeros(len(ids), 1), torch.where(written[:, 1:], each, 0.0)), dim=1)
    return found.to(samples.ids.device)
