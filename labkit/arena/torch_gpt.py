"""The torch engine of the arena: `GameGPT` with its arithmetic done in tensors, to equal losses.

A document is one forward pass of `labkit.gpt.GPT` (the "micro" preset) over all its tokens at once, in
float64, and Adam is one expression over all weights. The weights are drawn, and names are sampled, by the
scalar engine's own code, so that with one seed both engines begin alike and go on alike, to rounding.
"""

import math
from array import array
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from torch import Tensor

from labkit.gpt import GPT
from labkit.gpt.scalar_weights import scalar_config, torch_name
from labkit.scalar import GameGPT, Value
from labkit.scalar.gpt import DECAY_STEPS

F64 = torch.float64


class Weight(Value):
    """A weight whose number and gradient lie in a tensor: reading it reads there, setting it sets it there.

    Args:
        numbers: the memory of all weights.
        gradients: of their gradients.
        i: which one this is.
    """

    __slots__ = ("_gradients", "_i", "_numbers")

    def __init__(self, numbers: "array[float]", gradients: "array[float]", i: int) -> None:
        self._numbers, self._gradients, self._i = numbers, gradients, i
        self.children, self.local_grads, self.op = (), (), ""

    @property
    def data(self) -> float:
        """The number."""
        return self._numbers[self._i]

    @data.setter
    def data(self, x: float) -> None:
        self._numbers[self._i] = x

    @property
    def grad(self) -> float:
        """D(loss)/d(weight)."""
        return self._gradients[self._i]

    @grad.setter
    def grad(self, x: float) -> None:
        self._gradients[self._i] = x


class Reading(NamedTuple):
    """What reading one document shows.

    Attributes:
        loss: the mean cross-entropy, in nats.
        gradients: of all weights, in the order of `params`.
        fired: (layer, unit) of the MLPs' units that were above zero at some token.
    """

    loss: float
    gradients: list[float]
    fired: set[tuple[int, int]]


class TorchGPT(GameGPT):
    """A `GameGPT` that trains and samples in torch.

    Whatever reads `params` or `state_dict` (weight files, pictures, a loop over `p.data` and `p.grad`) finds there
    what it finds in the scalar engine. `forward` still builds Values; `loss` gives a Value without a graph. The
    arguments are those of `GameGPT`.

    Attributes:
        gpt: the torch model; its weights and gradients are those of `params`, in the same memory.
    """

    def _settle(self) -> None:
        """Move weights and gradients into memory that torch shares."""
        numbers = array("d", (p.data for p in self.params))
        gradients = array("d", bytes(8 * len(numbers)))
        # Torch works in the arrays' own memory; an array, not a tensor, gives single numbers quickly.
        self._weights_tensor = torch.frombuffer(numbers, dtype=F64)
        self._gradient = torch.frombuffer(gradients, dtype=F64)
        self._numbers = numbers
        self.gpt = GPT(scalar_config(self)).double().eval()
        self.params = []
        for name, rows in self.state_dict.items():
            start, end = len(self.params), len(self.params) + len(rows) * len(rows[0])
            parameter = self.gpt.get_parameter(torch_name(name))
            parameter.data = self._weights_tensor[start:end].view(parameter.shape)
            parameter.grad = self._gradient[start:end].view(parameter.shape)
            for row in rows:
                row[:] = [Weight(numbers, gradients, len(self.params) + i) for i in range(len(row))]
                self.params += row

    # -- Adam's means: tensors inside, lists for whoever keeps them

    @property
    def m(self) -> list[float]:
        """Adam's running mean of the gradient, one number per parameter."""
        return self._m.tolist()

    @m.setter
    def m(self, numbers: Sequence[float]) -> None:
        self._m = torch.tensor(numbers, dtype=F64)

    @property
    def v(self) -> list[float]:
        """Adam's running mean of the squared gradient, one number per parameter."""
        return self._v.tolist()

    @v.setter
    def v(self, numbers: Sequence[float]) -> None:
        self._v = torch.tensor(numbers, dtype=F64)

    def get_weights(self) -> list[float]:
        """Every weight as a number, in the order of `params`."""
        return self._numbers.tolist()

    def gradient_norm(self) -> float:
        """The Euclidean norm of the gradients that the last training step left."""
        norm = float(torch.linalg.vector_norm(self._gradient))
        # The squares of very large or very small gradients do not fit into a float; hypot scales them.
        return norm if 1e-100 < norm < 1e100 else math.hypot(*self._gradient.tolist())

    # -- training

    def loss(self, tokens: Sequence[int]) -> Value:
        """The mean cross-entropy of predicting each token from those before it, in nats: a number without a graph.

        Args:
            tokens: at least two; what is past block_size + 1 is left out.
        """
        with torch.no_grad():
            return Value(self._loss(tokens).item())

    def _loss(self, tokens: Sequence[int]) -> Tensor:
        if len(tokens) < 2:
            raise ValueError(f"a document needs at least two tokens (one to see, one to predict), got {len(tokens)}")
        for token_id in tokens:
            self._check_token(token_id)
        ids = torch.tensor(tokens[: self.block_size + 1])
        return F.cross_entropy(self.gpt(ids[None, :-1])[0], ids[1:])  # GPT.loss would round to float32

    def train_step(
        self, tokens: Sequence[int], lr: float = 0.01, beta1: float = 0.85, beta2: float = 0.99, eps: float = 1e-8
    ) -> float:
        """One document: loss, gradients, one update, as `GameGPT.train_step` has them.

        Returns:
            The mean cross-entropy before the update, in nats.

        Raises:
            ValueError: for fewer than two tokens or one outside the vocabulary; nothing has changed then.
        """
        loss = self._loss(tokens)
        self._gradient.zero_()
        loss.backward()
        lr_t = lr * (1 - self.step_count / max(self.step_count + 1, DECAY_STEPS))
        self.step_count += 1
        correction1, correction2 = 1 - beta1**self.step_count, 1 - beta2**self.step_count
        gradient = self._gradient
        self._m.mul_(beta1).add_(gradient, alpha=1 - beta1)
        self._v.mul_(beta2).addcmul_(gradient, gradient, value=1 - beta2)
        root = (self._v / correction2).sqrt_().add_(eps)
        self._weights_tensor.addcdiv_(self._m, root, value=-lr_t / correction1)
        return loss.item()

    def read(self, tokens: Sequence[int]) -> Reading:
        """Loss and gradients of one document, and which units of the MLPs fired; the gradients stay in `p.grad`."""
        with self._watched() as fired:
            loss = self._loss(tokens)
        self._gradient.zero_()
        loss.backward()
        return Reading(loss.item(), self._gradient.tolist(), fired)

    @contextmanager
    def _watched(self) -> Iterator[set[tuple[int, int]]]:
        """Meanwhile, the units above zero are noted in the set that is given."""
        fired: set[tuple[int, int]] = set()

        def watch(layer: int) -> Callable[..., None]:
            def note(module: object, inputs: object, before: Tensor) -> None:
                units = (before.relu().square() > 0)[0].any(dim=0)  # [batch = 1, time, 4 · n_embd]
                fired.update((layer, unit) for unit in units.nonzero().flatten().tolist())

            return note

        layers = [self.gpt.get_submodule(f"blocks.{i}.mlp.up") for i in range(self.n_layer)]
        handles = [up.register_forward_hook(watch(i)) for i, up in enumerate(layers)]
        try:
            yield fired
        finally:
            for handle in handles:
                handle.remove()

    # -- sampling: GameGPT.sample draws from what this reads

    def _reader(self) -> Callable[[int], list[float]]:
        cache = self.gpt.new_cache()

        def read(token_id: int) -> list[float]:
            with torch.no_grad():
                return self.gpt(torch.tensor([[token_id]]), cache=cache)[0, -1].tolist()

        return read
