"""The optimisers of a GPT: AdamW for everything, or Muon for the matrices of the blocks and AdamW for the rest."""

import torch
from torch import Tensor, nn

from labkit.gpt import GPT

MEMORIES: dict[type[torch.optim.Optimizer], set[str]] = {
    torch.optim.AdamW: {"step", "exp_avg", "exp_avg_sq"},
    torch.optim.Muon: {"momentum_buffer"},
}
"""What an optimiser remembers of each weight after its first step."""


def make_optimizers(
    model: GPT, optimizer: str, lr: float, weight_decay: float, betas: tuple[float, float], momentum: float
) -> list[torch.optim.Optimizer]:
    """The optimisers of all weights, each weight in one of them.

    Muon (Jordan et al. 2024) makes each update of a matrix orthogonal; scaled to the size of AdamW's updates
    (Liu et al. 2025), it takes the same learning rate. Embeddings, heads, gains and biases are for AdamW
    (Loshchilov & Hutter 2019); only embeddings and the weights
    of linear layers decay.

    Args:
        model: whose weights.
        optimizer: "adamw" or "muon".
        lr: of all of them.
        weight_decay: per step, times the learning rate.
        betas: AdamW's.
        momentum: Muon's.
    """
    matrices = [m.weight for m in model.modules() if isinstance(m, nn.Linear | nn.Embedding)]
    by_muon = [m.weight for m in model.blocks.modules() if isinstance(m, nn.Linear)] if optimizer == "muon" else []
    decaying = {id(p) for p in matrices}
    rest = [p for p in model.parameters() if id(p) not in {id(p) for p in by_muon}]
    groups = [
        {"params": [p for p in rest if id(p) in decaying], "weight_decay": weight_decay},
        {"params": [p for p in rest if id(p) not in decaying], "weight_decay": 0.0},
    ]
    optimizers: list[torch.optim.Optimizer] = [
        torch.optim.AdamW([group for group in groups if group["params"]], lr=lr, betas=betas, eps=1e-10)
    ]
    if by_muon:
        optimizers.append(
            torch.optim.Muon(
                by_muon,
                lr=lr,
                weight_decay=weight_decay,
                momentum=momentum,
                adjust_lr_fn="match_rms_adamw",
            )
        )
    return optimizers


def optimizer_tensors(optimizers: list[torch.optim.Optimizer]) -> dict[str, Tensor]:
    """Copies of all that the optimisers remember, by "optimiser.weight.name"."""
    return {
        f"{i}.{index}.{name}": torch.as_tensor(value).detach().clone()
        for i, optimizer in enumerate(optimizers)
        for index, memory in optimizer.state_dict()["state"].items()
        for name, value in memory.items()
    }


def load_optimizer_tensors(optimizers: list[torch.optim.Optimizer], tensors: dict[str, Tensor]) -> None:
    """Put back what `optimizer_tensors` gave.

    Raises:
        ValueError: for tensors of other weights; nothing has changed then.
    """
    weights = [[p for group in optimizer.param_groups for p in group["params"]] for optimizer in optimizers]
    memories: list[dict[int, dict[str, Tensor]]] = [{} for _ in optimizers]
    for key, tensor in tensors.items():
        number, index, name = key.split(".")
        i, j = int(number), int(index)
        if i >= len(weights) or j >= len(weights[i]) or (tensor.ndim and tensor.shape != weights[i][j].shape):
            raise ValueError(f"the optimiser's {key} does not fit this model")
        memories[i].setdefault(j, {})[name] = tensor.clone()
    for optimizer, own, memory in zip(optimizers, weights, memories, strict=True):
        wanted = MEMORIES[type(optimizer)]
        if tensors and (len(memory) < len(own) or any(one.keys() != wanted for one in memory.values())):
            raise ValueError(
                f"of each weight {type(optimizer).__name__} remembers {', '.join(sorted(wanted))}: some lack"
            )
    for optimizer, memory in zip(optimizers, memories, strict=True):
        optimizer.load_state_dict({"state": memory, "param_groups": optimizer.state_dict()["param_groups"]})
