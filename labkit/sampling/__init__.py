"""Writing with a trained model: from its logits to probabilities, from those to tokens, one after the other."""

from .attention import attention_of
from .draws import row_seed
from .filters import Sampling, probabilities
from .generate import Hook, generate
from .rewards import TokenReward, char_reward_fn
from .stream import Choice, stream

__all__ = [
    "Choice",
    "Hook",
    "Sampling",
    "TokenReward",
    "attention_of",
    "char_reward_fn",
    "generate",
    "probabilities",
    "row_seed",
    "stream",
]
