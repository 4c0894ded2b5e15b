"""A GPT made of Values: the whole of a language model in the standard library.

Decoder-only transformer in the form of microgpt (Karpathy, 2026): RMSNorm without a gain, no biases,
learned positions, causal attention over cached keys and values, ReLU² in the MLP, Adam.
A token is one call of `forward`; a training step is one document.
"""

import gc
import math
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from . import weights_file
from .ops import (
    add,
    backward_along,
    cross_entropy,
    dot,
    linear,
    mean,
    numbers,
    probabilities,
    rmsnorm,
    softmax,
    squared_relu,
)
from .value import Value

Matrix = list[list[Value]]
Cache = list[list[list[Value]]]
"""[layer][token][n_embd]."""

INIT_STD = 0.08
DECAY_STEPS = 5000
"""The learning rate falls in a straight line towards zero at this step."""


class GameGPT:
    """A decoder-only transformer of Values.

    Args:
        vocab_size: how many tokens there are.
        n_layer: transformer blocks.
        n_embd: the width of the residual stream.
        block_size: the most positions.
        n_head: attention heads; n_embd must be divisible by it.
        seed: seeds the weights and the sampler.

    Attributes:
        state_dict: name -> matrix [n_out][n_in]: wte, wpe, lm_head, layer{i}.attn_wq/wk/wv/wo,
            layer{i}.mlp_fc1/fc2.
        params: every weight, flat, in the order of state_dict.
        m, v: Adam's running means of the gradient and of its square, one per parameter.
        step_count: training steps done.
        rng: what the sampler draws from.
    """

    def __init__(
        self,
        vocab_size: int = 74,
        n_layer: int = 2,
        n_embd: int = 32,
        block_size: int = 64,
        n_head: int = 4,
        seed: int = 42,
    ) -> None:
        sizes = {
            "vocab_size": vocab_size,
            "n_layer": n_layer,
            "n_embd": n_embd,
            "block_size": block_size,
            "n_head": n_head,
        }
        for name, size in sizes.items():
            if not isinstance(size, int) or size < 1:
                raise ValueError(f"GameGPT: {name} must be a whole number of at least 1, got {size!r}")
        if n_embd % n_head:
            raise ValueError(f"GameGPT: n_embd must be divisible by n_head, got n_embd={n_embd} and n_head={n_head}")
        self.vocab_size, self.n_layer, self.n_embd = vocab_size, n_layer, n_embd
        self.block_size, self.n_head, self.head_dim = block_size, n_head, n_embd // n_head
        self.rng = random.Random(seed)

        def matrix(n_out: int, n_in: int) -> Matrix:
            return [[Value(self.rng.gauss(0, INIT_STD)) for _ in range(n_in)] for _ in range(n_out)]

        self.state_dict: dict[str, Matrix] = {
            "wte": matrix(vocab_size, n_embd),
            "wpe": matrix(block_size, n_embd),
            "lm_head": matrix(vocab_size, n_embd),
        }
        for i in range(n_layer):
            for name in ("attn_wq", "attn_wk", "attn_wv", "attn_wo"):
                self.state_dict[f"layer{i}.{name}"] = matrix(n_embd, n_embd)
            self.state_dict[f"layer{i}.mlp_fc1"] = matrix(4 * n_embd, n_embd)
            self.state_dict[f"layer{i}.mlp_fc2"] = matrix(n_embd, 4 * n_embd)
        self.params: list[Value] = [p for rows in self.state_dict.values() for row in rows for p in row]
        self.m = [0.0] * len(self.params)
        self.v = [0.0] * len(self.params)
        self.step_count = 0
        self._settle()

    def _settle(self) -> None:
        """Called when the weights are drawn: an engine that keeps numbers elsewhere moves them there."""

    # -- forward

    def new_cache(self) -> tuple[Cache, Cache]:
        """Empty keys and values, for the first token of a sequence."""
        return [[] for _ in range(self.n_layer)], [[] for _ in range(self.n_layer)]

    def forward(self, token_id: int, pos_id: int, keys: Cache, values: Cache) -> list[Value]:
        """The logits of the token after `token_id`.

        Args:
            token_id: 0 … vocab_size - 1.
            pos_id: its position, 0 … block_size - 1.
            keys: [layer][token][n_embd], of the tokens before; this token's are appended.
            values: likewise. A token sees what is in the caches, and so nothing that comes later.

        Returns:
            [vocab_size] nodes.

        Raises:
            ValueError: for a token or a position out of range.
        """
        return self._forward(token_id, pos_id, keys, values, self._weights(), [])

    def _forward(
        self,
        token_id: int,
        pos_id: int,
        keys: Cache,
        values: Cache,
        weights: dict[str, list[list[float]]],
        tape: list[Value],
    ) -> list[Value]:
        """`forward` with the weights' numbers at hand; what it makes is added to the tape in its order."""
        self._check_token(token_id)
        if not 0 <= pos_id < self.block_size:
            raise ValueError(f"position {pos_id} is outside the block: 0 … {self.block_size - 1}")

        def note(nodes: list[Value]) -> list[Value]:
            tape.extend(nodes)
            return nodes

        def project(name: str, x: list[Value]) -> list[Value]:
            return note(linear(self.state_dict[name], x, weights[name]))

        x = note(add(self.state_dict["wte"][token_id], self.state_dict["wpe"][pos_id]))
        x = note(rmsnorm(x))
        for i in range(self.n_layer):
            normed = note(rmsnorm(x))
            query = project(f"layer{i}.attn_wq", normed)
            keys[i].append(project(f"layer{i}.attn_wk", normed))
            values[i].append(project(f"layer{i}.attn_wv", normed))
            mixed: list[Value] = []
            for head in range(0, self.n_embd, self.head_dim):
                here = slice(head, head + self.head_dim)
                scores = note([dot(query[here], key[here], self.head_dim**-0.5) for key in keys[i]])
                attention = note(softmax(scores))
                mixed += [dot(attention, [value[j] for value in values[i]]) for j in range(head, head + self.head_dim)]
            note(mixed)
            x = note(add(x, project(f"layer{i}.attn_wo", mixed)))
            hidden = note(squared_relu(project(f"layer{i}.mlp_fc1", note(rmsnorm(x)))))
            x = note(add(x, project(f"layer{i}.mlp_fc2", hidden)))
        return project("lm_head", x)

    def _weights(self) -> dict[str, list[list[float]]]:
        """The numbers of all matrices, read once for many tokens."""
        return {name: [numbers(row) for row in rows] for name, rows in self.state_dict.items()}

    # -- training

    def loss(self, tokens: Sequence[int]) -> Value:
        """The mean cross-entropy of predicting each token from those before it, in nats.

        Args:
            tokens: at least two; what is past block_size + 1 is left out, as in microgpt.
        """
        return self._loss_tape(tokens)[-1]

    def _loss_tape(self, tokens: Sequence[int]) -> list[Value]:
        """The nodes of a document's loss in the order in which they were made, the loss last."""
        if len(tokens) < 2:
            raise ValueError(f"a document needs at least two tokens (one to see, one to predict), got {len(tokens)}")
        for token_id in tokens:
            self._check_token(token_id)
        keys, values = self.new_cache()
        weights = self._weights()
        tape: list[Value] = []
        losses = []
        for pos_id in range(min(self.block_size, len(tokens) - 1)):
            logits = self._forward(tokens[pos_id], pos_id, keys, values, weights, tape)
            losses.append(cross_entropy(logits, tokens[pos_id + 1]))
        tape += losses
        tape.append(mean(losses))
        return tape

    def train_step(
        self, tokens: Sequence[int], lr: float = 0.01, beta1: float = 0.85, beta2: float = 0.99, eps: float = 1e-8
    ) -> float:
        """One document: loss, gradients, one update by Adam (Kingma & Ba 2015) with bias correction.

        The learning rate falls with the steps: lr · (1 - step_count / max(step_count + 1, 5000)).
        The gradients stay readable (`p.grad`) until the next step.

        Returns:
            The mean cross-entropy before the update, in nats.

        Raises:
            ValueError: for fewer than two tokens or one outside the vocabulary; nothing has changed then.
        """
        with _collector_paused():
            tape = self._loss_tape(tokens)
            for p in self.params:
                p.grad = 0.0
            backward_along(tape)
            loss = tape[-1].data
            del tape
        lr_t = lr * (1 - self.step_count / max(self.step_count + 1, DECAY_STEPS))
        self.step_count += 1
        # Both means start at zero and so are too small by these factors at first.
        correction1, correction2 = 1 - beta1**self.step_count, 1 - beta2**self.step_count
        grads = [p.grad for p in self.params]
        self.m = [beta1 * m + (1 - beta1) * grad for m, grad in zip(self.m, grads, strict=True)]
        self.v = [beta2 * v + (1 - beta2) * grad * grad for v, grad in zip(self.v, grads, strict=True)]
        for p, m, v in zip(self.params, self.m, self.v, strict=True):
            p.data -= lr_t * (m / correction1) / (math.sqrt(v / correction2) + eps)
        return loss

    # -- sampling

    def sample(self, bos_id: int, eos_id: int, temperature: float = 0.5, max_len: int | None = None) -> list[int]:
        """Draw a sequence, token by token.

        Args:
            bos_id: what every sequence begins with.
            eos_id: what ends it (may be the same token).
            temperature: the logits are divided by it: 0 takes the likeliest token every time,
                1 draws from the model as it is.
            max_len: the most ids to return, 2 … block_size + 1 (block_size when left out).

        Returns:
            ids, beginning with BOS, and ending with EOS unless max_len came first.

        Raises:
            ValueError: for a token, a temperature or a length that cannot be.
        """
        self._check_token(bos_id)
        self._check_token(eos_id)
        if not 0 <= temperature < math.inf:
            raise ValueError(f"the temperature must be 0 (greedy) or a positive number, got {temperature}")
        max_len = max(2, self.block_size) if max_len is None else max_len
        if not 2 <= max_len <= self.block_size + 1:
            raise ValueError(f"max_len must be 2 … {self.block_size + 1} (block_size + 1), got {max_len}")
        read = self._reader()
        ids = [bos_id]
        with _collector_paused():
            while len(ids) < max_len:
                logits = read(ids[-1])
                if temperature == 0:
                    ids.append(logits.index(max(logits)))
                else:
                    ids += self.rng.choices(range(self.vocab_size), probabilities(logits, temperature))
                if ids[-1] == eos_id:
                    break
        return ids

    def _reader(self) -> Callable[[int], list[float]]:
        """A function that reads one sequence, a token a call, and returns the logits after it as plain numbers."""
        keys, values = self.new_cache()
        weights = self._weights()
        return lambda token_id: numbers(self._forward(token_id, len(keys[0]), keys, values, weights, []))

    # -- weights

    def get_weights(self) -> list[float]:
        """Every weight as a number, in the order of `params`."""
        return numbers(self.params)

    def set_weights(self, weights: Sequence[float]) -> None:
        """Put back what `get_weights` gave."""
        if len(weights) != len(self.params):
            raise ValueError(f"GameGPT: expected {len(self.params)} weights, got {len(weights)}")
        for p, weight in zip(self.params, weights, strict=True):
            p.data = float(weight)

    def gradient_norm(self) -> float:
        """The Euclidean norm of the gradients that the last training step left."""
        return math.hypot(*(p.grad for p in self.params))

    def save_weights(self, path: str | Path) -> Path:
        """Write the weights as text, `{name}|{row}|{values with 8 decimals}` a line, beside and renamed."""
        return weights_file.save(path, self.state_dict)

    def load_weights(self, path: str | Path) -> None:
        """Read what `save_weights` wrote. Adam begins anew: its means belong to the weights that were here before.

        Raises:
            ValueError: for a missing, extra, short, long or non-numeric row, with the file, the line
                and what was expected; the model is then unchanged.
        """
        weights_file.load(path, self.state_dict)
        self.m, self.v, self.step_count = [0.0] * len(self.params), [0.0] * len(self.params), 0

    def _check_token(self, token_id: int) -> None:
        if isinstance(token_id, bool) or not hasattr(token_id, "__index__"):  # numpy's integers have it, floats do not
            raise ValueError(f"token {token_id!r} must be a whole number, 0 … {self.vocab_size - 1}")
        if not 0 <= token_id < self.vocab_size:
            raise ValueError(f"token {token_id!r} is outside the vocabulary: 0 … {self.vocab_size - 1}")


@contextmanager
def _collector_paused() -> Iterator[None]:
    """No cyclic garbage collection meanwhile.

    A step makes thousands of objects and no cycle among them; the collector would look through
    them again and again, for a third of the step, and find nothing.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
