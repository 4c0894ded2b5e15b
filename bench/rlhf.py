"""How near every method of chapter 7 comes to the exact optimum of the toy board, and in what time.

    python -m bench rlhf

trains each method with each seed, prints the table, and writes bench/records/toy-distances.csv for the chapter.
"""

import csv
import io
import statistics
import time
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from multiprocessing import get_context
from pathlib import Path

import torch

from labkit.files import write_atomic
from labkit.rlhf.toy_runs import METHODS, Method, ToyTask

from .records import FOLDER

SEEDS = (0, 1, 2, 3, 4)
WORKERS = 2
RECORD = FOLDER / "toy-distances.csv"


@cache
def _task() -> ToyTask:
    """One for each process."""
    torch.set_num_threads(1)
    return ToyTask()


def train(method: Method, seed: int) -> dict[str, float]:
    """One run to its end: where it ended, and how long it took."""
    task = _task()
    run = method.make(task, seed, task.measure(method.target))
    started = time.perf_counter()
    for _ in run:
        pass
    asked = run.config.batch_size * run.step
    return dict(run.history[-1].extra) | {"seconds": time.perf_counter() - started, "asked": asked}


def _job(job: tuple[int, int]) -> dict[str, float]:
    """By number: a method, with its functions, does not travel between processes."""
    return train(METHODS[job[0]], job[1])


def distances(seeds: tuple[int, ...] = SEEDS, workers: int = WORKERS) -> list[dict[str, str | float]]:
    """A row for each method: its distance to π* (mean and largest of the seeds), what it ended with, what it took."""
    jobs = [(number, seed) for number in range(len(METHODS)) for seed in seeds]
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        done = list(pool.map(_job, jobs))
    rows: list[dict[str, str | float]] = []
    for number, method in enumerate(METHODS):
        runs = [found for (of, _), found in zip(jobs, done, strict=True) if of == number]
        rows.append(
            {
                "method": method.name,
                "asks": method.asks,
                "target": method.target,
                "distance": statistics.mean(run["distance"] for run in runs),
                "largest": max(run["distance"] for run in runs),
                "reward": statistics.mean(run["exact_reward"] for run in runs),
                "kl": statistics.mean(run["exact_kl"] for run in runs),
                "asked": runs[0]["asked"],
                "seconds": sum(run["seconds"] for run in runs),
            }
        )
    return rows


def write(rows: list[dict[str, str | float]], path: Path = RECORD) -> None:
    """Keep the table."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({name: f"{x:.5g}" if isinstance(x, float) else x for name, x in row.items()})
    write_atomic(path, text.getvalue())


def measure(peers: Path | None) -> dict[str, float]:
    """The table, printed and kept; peers have no such task."""
    started = time.perf_counter()
    rows = distances()
    seconds = time.perf_counter() - started
    write(rows)
    print(f"{'method':28} {'KL to optimum':>14} {'largest':>9} {'reward':>8} {'KL to ref':>10} {'s, 5 seeds':>11}")
    for row in rows:
        numbers = f"{row['distance']:14.4f} {row['largest']:9.4f} {row['reward']:8.3f} {row['kl']:10.3f}"
        print(f"{row['method']:28} {numbers} {row['seconds']:11.1f}")
    found = {f"KL to the optimum: {row['method']}": float(row["distance"]) for row in rows}
    return found | {f"all methods, {len(SEEDS)} seeds: seconds on {WORKERS} cores": seconds}
