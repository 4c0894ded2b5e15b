"""An epoch of the route generator with batches of like length against every route padded to the longest.

The routes are simulated. The width is that of ClimbingBoardGPT's notebook, 399 tokens, which its longest route asks
for; beside it the same against the longest of our own routes. Model and routes are the same, and each route comes once
in both. The trained model's loss of the same routes is taken both ways, and refused where it differs.

And how long it takes to find the nearest of many known routes for each of some new ones.
"""

import statistics
from pathlib import Path

import numpy as np
import torch

from labkit.routes.board import Board
from labkit.routes.novelty import NoveltyIndex
from labkit.routes.run import RouteData, RouteRun, route_model
from labkit.routes.setter import simulate
from labkit.routes.simulated import simulated_board
from labkit.routes.tokens import RouteTokenizer
from labkit.training.lm_config import LMConfig

from .timing import cpu_seconds

ROUTES = 2048
PADDED = 96
"""So many of the routes are trained on padded: each batch has the same shape there, so an epoch takes as much longer
as it has more batches."""
WIDTH, ROUNDS = 399, 3
KNOWN, NEW = 320_000, 400
BATCH = 32
SIZE = {"n_layer": 4, "n_head": 4, "n_embd": 128, "block_size": WIDTH}


def measure(peers: Path | None) -> dict[str, float]:
    """The time of an epoch, and how many times as long a padded one takes."""
    boards = [simulated_board("tension"), simulated_board("kilter")]
    tokenizer = RouteTokenizer.for_boards(boards)
    data = RouteData.of(simulate(boards, ROUTES, seed=0), [], tokenizer)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # two that wait for each other count twice
    try:
        run, wide, longest = (_run(data, tokenizer, width) for width in (None, WIDTH, data.train.longest))
        rounds = [(_epoch(run, ROUTES), _epoch(wide, PADDED), _epoch(longest, PADDED)) for _ in range(ROUNDS)]
        difference = _difference(run, data)
    finally:
        torch.set_num_threads(threads)
    if not difference < 1e-4:
        raise AssertionError(f"padded routes have another loss: it differs by {difference:g}")
    more = ROUTES / PADDED
    return {
        f"{ROUTES:,} simulated routes: mean length (tokens)": float(data.train.lengths.mean()),
        f"{ROUTES:,} simulated routes: longest (tokens)": float(data.train.longest),
        "an epoch (s)": statistics.median(ours for ours, _, _ in rounds),
        f"an epoch padded to {WIDTH} tokens (s)": statistics.median(padded * more for _, padded, _ in rounds),
        f"time padded to {WIDTH} tokens over ours": statistics.median(p * more / ours for ours, p, _ in rounds),
        "time padded to our longest over ours": statistics.median(p * more / ours for ours, _, p in rounds),
        "same routes: largest difference of the loss": difference,
    } | _novelty(boards)


def _run(data: RouteData, tokenizer: RouteTokenizer, width: int | None = None) -> RouteRun:
    """Without dropout, whose draws would differ with the shape: then both learn the same."""
    config = LMConfig(
        max_steps=None, schedule="constant", batch_size=BATCH, eval_every=0, precision="float32", device="cpu"
    )
    return RouteRun(route_model(tokenizer.vocab_size, **SIZE, dropout=0.0), data, config, width=width)


def _epoch(run: RouteRun, routes: int) -> float:
    """Processor seconds of an epoch's first so many routes, with fresh weights and after a step to warm up."""
    run.reset()
    next(run)
    run.reset()
    return cpu_seconds(lambda: [next(run) for _ in range(routes // BATCH)])


def _novelty(boards: list[Board]) -> dict[str, float]:
    """Processor seconds to index simulated routes, and to find the nearest of them, or of their mirror images."""
    index: list[NoveltyIndex] = []
    known, new = simulate(boards, KNOWN, seed=1), list(simulate(boards, NEW, seed=2))
    routes = list(known)
    return {
        f"{KNOWN:,} simulated routes: an inverted index of them (s)": cpu_seconds(
            lambda: index.append(NoveltyIndex(routes, boards))
        ),
        f"the nearest of {KNOWN:,} for {NEW} routes (s)": cpu_seconds(lambda: [index[0].nearest(each) for each in new]),
    }


def _difference(run: RouteRun, data: RouteData) -> float:
    """By how many nats the trained model's loss of the same routes differs at most between both widths."""

    def loss(rows: np.ndarray, width: int | None) -> float:
        return float(run.model.loss(*data.batch(data.train, rows, width)))

    run.model.eval()
    some = data.train.by_length(BATCH)[:: max(1, ROUTES // BATCH // 4)]
    with torch.no_grad():
        return max(abs(loss(rows, None) - loss(rows, WIDTH)) for rows in some)
