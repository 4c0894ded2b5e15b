"""From GPT-2's recipe to the modern one, one change at a time: what each bought, on tiny Shakespeare.

    python -m bench.recipe

trains every row of CHANGES with three seeds and writes bench/records/recipe.csv.
"""

import csv
import io
import statistics
from typing import Any

import torch

from labkit.files import write_atomic
from labkit.gpt import GPTConfig
from labkit.training.lm import LMRun
from labkit.training.lm_config import LMConfig

from .records import FOLDER, shakespeare

SEEDS = (0, 1, 2)
SIZE = {"n_layer": 4, "n_head": 4, "n_embd": 128, "block_size": 64}
START = {"max_steps": 300, "batch_size": 12, "eval_every": 300, "precision": "float32"}
GPT2 = {"lr": 0.001, "optimizer": "adamw", "schedule": "cosine", "beta2": 0.99, "final_lr": 0.1, "warmup_steps": 40}

CHANGES: tuple[tuple[str, dict[str, Any], dict[str, Any]], ...] = (
    ("GPT-2, with nanoGPT's settings", {}, {}),
    ("learning rate 0.003", {}, {"lr": 0.003}),
    ("RMSNorm without gain, no biases", {"norm": "rmsnorm", "norm_gain": False, "bias": False}, {}),
    ("ReLU² for GELU", {"activation": "relu2"}, {}),
    ("RoPE for learned positions", {"positions": "rope"}, {}),
    ("QK-norm", {"qk_norm": True}, {}),
    (
        "head untied, projections from zero, embeddings normed",
        {"tied": False, "zero_init": True, "scaled_init": False, "init_std": None, "embedding_norm": True},
        {},
    ),
    ("Muon for the matrices", {}, {"optimizer": "muon", "beta2": 0.95}),
    ("learning rate 0.01", {}, {"lr": 0.01}),
    ("flat, then down to 5 %", {}, {"schedule": "wsd", "final_lr": 0.05, "warmup_steps": 20}),
    ("a short convolution before each block", {"conv_width": 4}, {}),
)
"""(what changes, fields of GPTConfig, fields of LMConfig): each keeps all changes before it."""


def main() -> None:
    """Train all of them and write the table."""
    torch.set_num_threads(2)
    data, tokenizer = shakespeare()
    model, config = dict(SIZE), START | GPT2
    lines = io.StringIO()
    writer = csv.writer(lines, lineterminator="\n")
    writer.writerow(("change", "n_params", *(f"seed_{seed}" for seed in SEEDS), "mean"))
    for change, model_fields, config_fields in CHANGES:
        model, config = model | model_fields, config | config_fields
        losses = []
        for seed in SEEDS:
            run = LMRun(
                GPTConfig.preset("gpt2", tokenizer.vocab_size, **model),
                data,
                LMConfig.from_dict(config | {"seed": seed}),
            )
            losses.append([step.extra["validation"] for step in run][-1])
        row = (change, run.model.n_params, *(f"{loss:.4f}" for loss in losses), f"{statistics.mean(losses):.4f}")
        print(*row, sep="  ", flush=True)
        writer.writerow(row)
        write_atomic(FOLDER / "recipe.csv", lines.getvalue())


if __name__ == "__main__":
    main()
