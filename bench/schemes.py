"""One text and one trunk, cut by characters, bytes, words or byte pairs: what each scheme reaches at equal compute.

    python -m bench.schemes

trains every scheme of `labkit.training.schemes` on tiny Shakespeare with each seed, and writes
bench/records/schemes.csv.
"""

import argparse
import csv
import io
import statistics
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from labkit.data import load_text
from labkit.files import write_atomic
from labkit.training.schemes import BPE_SIZES, TRUNK, describe, make_schemes, scheme_model, train_scheme

from .records import FOLDER

COMPUTE = 3e12
"""Floating-point operations of one run; how many epochs and seconds that is for each scheme, the table tells."""
SEEDS = (0, 1)
RESULTS = ("steps", "tokens", "epochs", "flops")
MEANS = ("nats_per_token", "spelled_share", "seconds")


def compare(
    source: str | Path = "shakespeare",
    compute: float = COMPUTE,
    seeds: tuple[int, ...] = SEEDS,
    path: Path | None = FOLDER / "schemes.csv",
    sizes: tuple[int, ...] = BPE_SIZES,
    trunk: Mapping[str, Any] = TRUNK,
    config: Mapping[str, Any] | None = None,
) -> list[dict[str, Any]]:
    """Train all of them; returns the rows, and writes the table after each.

    Args:
        source: which text, a name or a file.
        compute: operations of each run.
        seeds: one run each.
        path: where the table goes; None: nowhere.
        sizes: of the BPE vocabularies.
        trunk: the model, but for its vocabulary.
        config: what differs from `labkit.training.schemes.TRAINING`.
    """
    text = load_text(source)
    lines = io.StringIO()
    rows: list[dict[str, Any]] = []
    for name, tokenizer in make_schemes(text, sizes).items():
        model = scheme_model(tokenizer, **trunk)
        runs = [asdict(train_scheme(tokenizer, text, compute, seed, model, config)) for seed in seeds]
        facts = asdict(describe(tokenizer, text, model))
        losses = [run["bits_per_byte"] for run in runs]
        row = {"scheme": name} | facts | {key: runs[0][key] for key in RESULTS}
        row |= {key: statistics.mean(run[key] for run in runs) for key in MEANS}
        row |= {f"seed_{seed}": loss for seed, loss in zip(seeds, losses, strict=True)}
        row["bits_per_byte"] = statistics.mean(losses)
        shown = {key: f"{x:.6g}" if isinstance(x, float) else x for key, x in row.items()}
        print(*(f"{key} {x}" if key != "scheme" else x for key, x in shown.items()), sep="  ", flush=True)
        if not rows:
            writer = csv.DictWriter(lines, list(row), lineterminator="\n")
            writer.writeheader()
        writer.writerow(shown)
        rows.append(row)
        if path is not None:
            write_atomic(path, lines.getvalue())
    return rows


def main() -> None:
    """Record the comparison."""
    parser = argparse.ArgumentParser(prog="python -m bench.schemes", description=__doc__)
    parser.add_argument("--compute", type=float, default=COMPUTE, help=f"operations of a run (default {COMPUTE:g})")
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS, help="one run each")
    parser.add_argument("--out", type=Path, default=FOLDER / "schemes.csv", help="the table")
    arguments = parser.parse_args()
    torch.set_num_threads(2)
    compare(compute=arguments.compute, seeds=tuple(arguments.seeds), path=arguments.out)


if __name__ == "__main__":
    main()
