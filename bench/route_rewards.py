"""The generator of chapter 6 trained by a judge that can be trusted and by one that was learned.

    python -m bench.route_rewards

writes bench/records/route-rewards.csv: for each judge and seed, every 25 steps, how good 400 routes really are.
"""

import csv
import io
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import torch

from labkit.files import datasets_dir, write_atomic
from labkit.rlhf.rloo import RLOORun
from labkit.rlhf.route_rewards import RouteTask
from labkit.rlhf.run import PolicyConfig
from labkit.routes.generator import Generator
from labkit.routes.reader import Reader

from .records import FOLDER

RECORD = FOLDER / "route-rewards.csv"
JUDGES = {"simulator": RouteTask.verifiable, "reader": RouteTask.learned}
SEEDS = (0, 1)
STEPS, EVERY, ROUTES, GROUP = 300, 25, 400, 8


def train(job: tuple[str, int]) -> list[dict[str, str | float]]:
    """One judge, one seed: a row every EVERY steps, the first before any."""
    judge, seed = job
    torch.set_num_threads(1)
    folder = datasets_dir() / "routes"
    task = RouteTask(
        Generator.load(folder / "simulated-generator.safetensors"), Reader.load(folder / "simulated-reader.safetensors")
    )
    config = PolicyConfig(max_steps=STEPS, batch_size=64, beta=0.02, lr=0.001, grad_clip=1.0, seed=seed)
    run = RLOORun(task.policy(), lambda samples: JUDGES[judge](task, samples), config, group=GROUP)
    rows: list[dict[str, str | float]] = []
    started = time.perf_counter()

    def look(step: int, kl: float) -> None:
        found = task.judge(run.policy, ROUTES, seed=1000 + seed)
        seconds = time.perf_counter() - started
        rows.append({"judge": judge, "seed": seed, "step": step, "kl": kl, "seconds": seconds, **found})

    look(0, 0.0)
    for step in run:
        if step.step % EVERY == 0:
            look(step.step, step.extra["kl"])
    return rows


def main(path: Path = RECORD) -> None:
    """All of them, two at a time."""
    jobs = [(judge, seed) for judge in JUDGES for seed in SEEDS]
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        rows = [row for done in pool.map(train, jobs) for row in done]
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({name: f"{x:.4g}" if isinstance(x, float) else x for name, x in row.items()})
    write_atomic(path, text.getvalue())
    for row in rows:
        if row["step"] in (0, STEPS):
            print(row)


if __name__ == "__main__":
    main()
