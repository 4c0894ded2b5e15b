"""One text, token by token, with what each token was chosen from."""

from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

from torch import Tensor

from labkit.gpt import GPT

from .filters import Sampling
from .generate import Chosen, Hook, choose
from .windows import Window


class Choice(NamedTuple):
    """A token, and what it was chosen from.

    Attributes:
        token: its id.
        logits: [vocab_size], as the model said them, on its device.
        probabilities: [vocab_size], what it was drawn with: after the hook and `Sampling`.
    """

    token: int
    logits: Tensor
    probabilities: Tensor


def stream(
    model: GPT,
    prompt: Sequence[int],
    max_new_tokens: int,
    sampling: Sampling | None = None,
    stop: Collection[int] = (),
    seed: int | None = None,
    hook: Hook | None = None,
    window: Window = "slide",
) -> Iterator[Choice]:
    """Write on from one prompt, each token as soon as it is chosen.

    The tokens are those of `generate(model, [prompt], ...)[0]`, and the arguments are explained there. Between two
    tokens the model is in the mode that it was in, and may be trained; but the cache remembers what it was before.

    >>> model = GPT(GPTConfig.preset("gpt2", 65, n_layer=1, n_embd=16))
    >>> for choice in stream(model, [1, 2, 3], max_new_tokens=2, sampling=Sampling(temperature=0)):
    ...     print(float(choice.probabilities[choice.token]))
    1.0
    1.0

    Raises:
        ValueError: as `generate` does; wrong arguments are refused at once, not with the first token.
    """
    steps = choose(model, [prompt], max_new_tokens, sampling, stop, seed, hook, True, window)
    return map(_choice, steps)


def _choice(chosen: Chosen) -> Choice:
    """Copies: what inference mode computes could not be used with gradients later."""
    return Choice(chosen.tokens[0], chosen.logits[0].clone(), chosen.probabilities[0].clone())
