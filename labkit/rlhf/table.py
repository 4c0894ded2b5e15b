"""A policy that is a table: logits of its own at every place where a route of the toy board can go on."""

from typing import cast

import torch
from torch import Tensor, nn

from .policy import Critic, Policy, Samples
from .toy import ToyBoard


class TablePolicy(Policy):
    """Logits for each node of the toy board's tree. It can be any distribution, so nothing but the method that
    trained it is to blame for its distance to the optimum: a GPT adds its own, of what it cannot say.

    A fresh one takes all that the grammar allows next as equally likely.

    Args:
        toy: the board.
    """

    def __init__(self, toy: ToyBoard) -> None:
        super().__init__()
        self._toy = (toy,)  # in a tuple: a copy of the policy shares it
        self.longest = toy.ids.shape[1] - toy.prompt
        self.logits = nn.Parameter(torch.zeros(toy.choices.shape))

    @property
    def toy(self) -> ToyBoard:
        """The board."""
        return self._toy[0]

    def __deepcopy__(self, memo: dict[int, object]) -> "TablePolicy":
        other = TablePolicy(self.toy).to(self.logits.dtype).train(self.training)
        other.load_state_dict(self.state_dict())
        return other

    def all_log_probs(self) -> Tensor:
        """The exact log-probability of every route of the board, [routes], float64; with gradients."""
        everything = torch.arange(len(self.toy))
        return self._written(everything, self.logits.double()).sum(1)

    def sample(self, n: int, seed: int, group: int = 1) -> Samples:
        """See `Policy`; there is one prompt, so all are one group."""
        with torch.no_grad():
            return self.toy.samples(self.toy.sample(self.all_log_probs(), n, seed))

    def log_probs(self, samples: Samples) -> Tensor:
        """See `Policy`."""
        each = self._written(self.toy.numbers(samples.ids), self.logits)
        return torch.cat((each.new_zeros(len(each), self.toy.prompt), each), dim=1)

    def critic(self) -> "TableCritic":
        """A value for each node."""
        return TableCritic(self.toy)

    def _written(self, numbers: Tensor, logits: Tensor) -> Tensor:
        """[routes asked for, time - prompt]."""
        toy = self.toy
        log_probs = logits.masked_fill(~toy.choices, -torch.inf).log_softmax(-1)
        nodes, tokens = toy.nodes[numbers], toy.ids[numbers, toy.prompt :]
        return torch.where(nodes < 0, 0.0, log_probs[nodes, torch.where(nodes < 0, 0, tokens)])


class TableCritic(Critic):
    """A value for each node of the tree, and 0 where there is no choice left.

    Args:
        toy: the board.
    """

    def __init__(self, toy: ToyBoard) -> None:
        super().__init__()
        self._toy = (toy,)
        self.table = nn.Parameter(torch.zeros(len(toy.choices) + 1))

    def values(self, samples: Samples) -> Tensor:
        """See `Critic`."""
        toy = self._toy[0]
        nodes = toy.nodes[toy.numbers(samples.ids)]
        each = cast(Tensor, self.table)[nodes]  # node -1, no choice, has the last entry
        return torch.cat((each.new_zeros(len(each), toy.prompt), each), dim=1)
