"""Long training runs, recorded: their curves are what the chapter and the README quote.

    python -m bench.records gpu-result --seed 0

trains one of RECORDS and writes bench/records/gpu-result-seed0.json. Nothing here is hard to repeat,
it only takes long: the figures say on which machine they were made, and how long it took there.
"""

import argparse
import json
import math
import time
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import torch

from labkit.data import load_text
from labkit.files import write_atomic
from labkit.gpt import GPT, GPTConfig
from labkit.gpt.model_file import save_gpt
from labkit.sampling import Sampling, generate
from labkit.tokenizers import CharTokenizer
from labkit.training.lm import LMRun
from labkit.training.lm_config import LMConfig
from labkit.training.replay import record_of, save_record
from labkit.training.tokens import TokenData

from .__main__ import machine

FOLDER = Path(__file__).parent / "records"
FORMAT = "labkit-record-1"


@dataclass(frozen=True)
class Recipe:
    """One run.

    Attributes:
        about: what it is to show.
        model: the preset and its changes.
        config: how it is trained.
    """

    about: str
    model: dict[str, Any]
    config: dict[str, Any]


RECORDS = {
    "block-64": Recipe(
        "validation loss 1.88 with block size 64: nanoGPT's published result on a CPU",
        {"preset": "modern", "n_layer": 4, "n_embd": 128, "n_head": 2, "block_size": 64, "conv_width": 4},
        {"max_steps": 200, "batch_size": 12, "lr": 0.01, "eval_every": 100},
    ),
    "gpu-result": Recipe(
        "validation loss 1.4697, nanoGPT's published result on a GPU, over the whole validation split",
        {"preset": "modern", "n_layer": 4, "n_embd": 256, "n_head": 2, "block_size": 256, "conv_width": 4},
        {"max_steps": 700, "batch_size": 16, "lr": 0.01, "decay_share": 0.7, "compile": True, "eval_every": 140},
    ),
    "lowest": Recipe(
        "the lowest loss in 30 minutes on two cores",
        {
            "preset": "modern",
            "n_layer": 4,
            "n_embd": 128,
            "n_head": 2,
            "block_size": 256,
            "conv_width": 4,
            "dropout": 0.1,
        },
        {"max_steps": 7000, "batch_size": 8, "lr": 0.01, "decay_share": 0.7, "compile": True, "eval_every": 500},
    ),
    "page": Recipe(
        "the model that the chapter's page carries, and what it wrote while it learned",
        {"preset": "modern", "n_layer": 4, "n_embd": 128, "n_head": 4, "block_size": 256},
        {"max_steps": 2400, "batch_size": 12, "lr": 0.01, "decay_share": 0.7, "eval_every": 120, "sample_every": 120},
    ),
    "seed-run": Recipe(
        "a training loss of 1.326 with at most 209,729 parameters in a tenth of the tokens (windows of 256, not 32)",
        {"preset": "modern", "n_layer": 4, "n_embd": 64, "n_head": 2, "block_size": 256, "conv_width": 4},
        {"max_steps": 7800, "batch_size": 8, "lr": 0.01, "decay_share": 0.7, "eval_every": 600},
    ),
}


def shakespeare() -> tuple[TokenData, CharTokenizer]:
    """Tiny Shakespeare in nanoGPT's split, as characters."""
    text = load_text("shakespeare")
    tokenizer = CharTokenizer.train(text.text)
    return TokenData.from_ids(tokenizer.encode(text.train), tokenizer.encode(text.validation)), tokenizer


def written(model: GPT, tokenizer: CharTokenizer, seed: int) -> str:
    """A sample of 300 characters, for the replay."""
    new = generate(model, [tokenizer.encode("\n")], 300, Sampling(temperature=0.8, top_k=30), seed=seed, window="jump")
    return tokenizer.decode(new[0])


def record(name: str, seed: int, threads: int = 2, keep: Path | None = None, save: bool = True) -> dict[str, Any]:
    """Train `RECORDS[name]` and write its record; prints each evaluation.

    Args:
        name: which.
        seed: of weights, data order and samples.
        threads: how many cores torch uses.
        save: whether to write the record.
        keep: a folder for the best model (shakespeare-gpt.safetensors, float16) and its replay.
    """
    torch.set_num_threads(threads)
    recipe = RECORDS[name]
    data, tokenizer = shakespeare()
    model = dict(recipe.model)
    run = LMRun(
        GPTConfig.preset(model.pop("preset"), tokenizer.vocab_size, **model),
        data,
        LMConfig(**recipe.config, seed=seed),
        write=lambda gpt, draw: written(gpt, tokenizer, draw),
    )
    started, processor = time.perf_counter(), time.process_time()
    points: list[dict[str, float]] = []
    losses: list[float] = []
    for step in run:
        losses.append(step.loss)
        if math.isnan(step.extra["validation"]):
            continue
        points.append(
            {
                "step": step.step,
                "tokens": sum(s.tokens for s in run.history),
                "seconds": round(time.perf_counter() - started, 2),
                "cpu_seconds": round(time.process_time() - processor, 2),
                "train": round(sum(losses) / len(losses), 5),
                "validation": round(step.extra["validation"], 5),
            }
        )
        losses.clear()
        print(name, seed, points[-1], flush=True)
    if keep:
        about = {"data": "shakespeare", "record": name, "seed": seed, "n_params": run.model.n_params}
        best = {"step": run.best[0], "validation": run.best[1]} if run.best else {}
        save_gpt(keep / "shakespeare-gpt.safetensors", run.best_model().half(), tokenizer, about | best)
        save_record(keep / "shakespeare-replay.json", record_of(run, about))
    result = {
        "format": FORMAT,
        "name": name,
        "about": recipe.about,
        "seed": seed,
        "machine": machine(),
        "torch": torch.__version__,
        "threads": threads,
        "precision": str(run.precision).removeprefix("torch."),
        "date": date.today().isoformat(),
        "n_params": run.model.n_params,
        "model": run.model_config.to_dict(),
        "config": run.config.to_dict(),
        "points": points,
    }
    if save:
        write_atomic(FOLDER / f"{name}-seed{seed}.json", json.dumps(result, indent=1) + "\n")
    return result


def main() -> None:
    """Record what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m bench.records", description=__doc__)
    parser.add_argument("names", nargs="+", choices=tuple(RECORDS), metavar="NAME", help=", ".join(RECORDS))
    parser.add_argument("--seed", type=int, nargs="+", default=[0], help="one run each")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="also save the best model and a replay there")
    arguments = parser.parse_args()
    for name in arguments.names:
        for seed in arguments.seed:
            record(name, seed, keep=arguments.keep)


if __name__ == "__main__":
    main()
