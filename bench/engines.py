"""The arena's two engines: a training step in scalars and in tensors, and tensors with many names at once.

All figures are processor time of one thread: what tensors gain here is gained without a second core.
"""

import math
import time
from pathlib import Path

import torch

from labkit.arena.torch_gpt import TorchGPT
from labkit.data import Names, load_names
from labkit.gpt import GPT, GPTConfig
from labkit.scalar import GameGPT

from .timing import cpu_seconds

WIDTHS = (16, 32, 64, 128)
"""n_embd of models of one layer."""
STEPS, WARM_UP = 30, 5
BATCH = 64
BLOCK_SIZE, N_HEAD = 16, 4


def measure(peers: Path | None) -> dict[str, float]:
    """Milliseconds of a step on one name in either engine, and tokens a second of a batch, for several widths."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        names = load_names()
        figures: dict[str, float] = {}
        for width in WIDTHS:
            figures |= _one_width(names, width)
        return figures
    finally:
        torch.set_num_threads(threads)


def _one_width(names: Names, width: int) -> dict[str, float]:
    """Both engines from the same weights over the same names, step by step in turn; then a batch of names."""
    sizes = {"n_layer": 1, "n_embd": width, "block_size": BLOCK_SIZE, "n_head": N_HEAD}
    scalar, tensors = GameGPT(names.vocab_size, **sizes), TorchGPT(names.vocab_size, **sizes)
    seconds, tokens, worst = [0.0, 0.0], 0, 0.0
    for step, name in enumerate(names.train[: WARM_UP + STEPS]):
        document = names.encode(name)
        losses = []
        for engine, model in enumerate((scalar, tensors)):
            started = time.thread_time()
            losses.append(model.train_step(document))
            seconds[engine] += (time.thread_time() - started) * (step >= WARM_UP)
        tokens += (min(len(document) - 1, BLOCK_SIZE)) * (step >= WARM_UP)
        difference = abs(losses[0] - losses[1])
        worst = max(worst, difference if math.isfinite(difference) else math.inf)
    if not worst <= 1e-9:
        raise AssertionError(f"width {width}: the losses of the two engines differ by up to {worst:.3g}")
    batched = _batched(names, GPTConfig.preset("micro", names.vocab_size, **sizes))
    return {
        f"width {width}: a step in scalars (ms)": 1000 * seconds[0] / STEPS,
        f"width {width}: a step in torch (ms)": 1000 * seconds[1] / STEPS,
        f"width {width}: scalars' time over torch's, equal losses": seconds[0] / seconds[1],
        f"width {width}: tokens a second in scalars": tokens / seconds[0],
        f"width {width}: tokens a second in torch, a name a step": tokens / seconds[1],
        f"width {width}: tokens a second in torch, {BATCH} names a step": batched,
        f"width {width}: tokens a second, {BATCH} names over scalars": batched * seconds[0] / tokens,
    }


def _batched(names: Names, config: GPTConfig) -> float:
    """Tokens a second of training on batches of names, the shorter ones padded, in float32 with torch's Adam."""
    model = GPT(config)
    adam = torch.optim.Adam(model.parameters(), lr=0.01, betas=(0.85, 0.99), fused=True)
    batches = []
    for i in range(WARM_UP + STEPS):
        start = i * BATCH % (len(names.train) - BATCH)
        documents = [names.encode(name)[: BLOCK_SIZE + 1] for name in names.train[start : start + BATCH]]
        longest = max(map(len, documents))
        ids = torch.tensor([document + [0] * (longest - len(document)) for document in documents])
        lengths = torch.tensor([len(document) - 1 for document in documents])
        batches.append((ids[:, :-1], ids[:, 1:], torch.arange(longest - 1) < lengths[:, None]))

    def train(some: list[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]) -> None:
        for tokens, targets, real in some:
            adam.zero_grad()
            model.loss(tokens, targets, real).backward()
            adam.step()

    train(batches[:WARM_UP])
    seconds = cpu_seconds(lambda: train(batches[WARM_UP:]))
    return sum(int(real.sum()) for _, _, real in batches[WARM_UP:]) / seconds
