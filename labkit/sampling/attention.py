"""Where a model looks while it reads."""

from collections.abc import Sequence

import torch
from torch import Tensor

from labkit.gpt import GPT

from .windows import evaluating


def attention_of(model: GPT, ids: Sequence[int]) -> Tensor:
    """The attention weights of a text.

    Args:
        model: read in evaluation mode, and left in the mode that it was in.
        ids: of the text, 1 … block_size of them.

    Returns:
        [n_layer, n_head, time, time], float32: in row i how much position i looks at each; a row sums to 1.

    Raises:
        ValueError: for no tokens, too many, or ids outside the vocabulary.
    """
    kept: list[Tensor] = []
    tokens = torch.as_tensor(ids, dtype=torch.long, device=model.device)
    with torch.no_grad(), evaluating(list(model.modules())):
        model(tokens[None], attention=kept)
    return torch.stack([weights[0] for weights in kept]).float()
