"""Chapter 4's GPT: a training step against the machine's matrix rate, and tiny Shakespeare against nanoGPT.

With nanoGPT/ among the peers its own train.py runs as its README says for a CPU, to the end of its 2,000
iterations; then our block-64 record runs. Both clocks count everything: evaluations, samples, compilation.
"""

import pickle
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch

from labkit.gpt import GPTConfig
from labkit.training.lm import LMRun
from labkit.training.lm_config import LMConfig

from .records import RECORDS, record, shakespeare

NANOGPT = (
    "config/train_shakespeare_char.py --device=cpu --compile=False --eval_iters=20 --log_interval=200 --block_size=64 "
    "--batch_size=12 --n_layer=4 --n_head=4 --n_embd=128 --max_iters=2000 --lr_decay_iters=2000 --dropout=0.0"
)
TARGET = 1.88


def measure(peers: Path | None) -> dict[str, float]:
    """The step's share of the matrix rate; with nanoGPT, both times to 1.88 and their ratio."""
    figures = _step() | {"import labkit (ms)": _import_time()}
    if not (peers and (peers / "nanoGPT" / "train.py").is_file()):
        print("char_gpt   no nanoGPT/train.py among the peers (PEERS=folder): the ratio of an earlier run is kept")
        return figures
    theirs, loss = _nanogpt(peers / "nanoGPT")
    ours = next(
        point["seconds"] for point in record("block-64", seed=0, save=False)["points"] if point["validation"] <= TARGET
    )
    return figures | {
        "nanoGPT, 2,000 iterations on this CPU (s)": theirs,
        "nanoGPT's own last validation loss (nats)": loss,
        "labkit, to 1.88 over the whole validation split (s)": ours,
        "times less than nanoGPT": theirs / ours,
    }


def _step() -> dict[str, float]:
    """A step of the gpu-result record, compiled, beside a plain matrix product in the same precision."""
    recipe = RECORDS["gpu-result"]
    data, tokenizer = shakespeare()
    model = dict(recipe.model)
    config = GPTConfig.preset(model.pop("preset"), tokenizer.vocab_size, **model)
    run = LMRun(config, data, LMConfig(**recipe.config | {"eval_every": 0}))
    tokens = int(run.controls["batch_size"]) * config.block_size
    product = torch.randn(4096, 1024, dtype=run.precision), torch.randn(1024, 1024, dtype=run.precision)
    for _ in range(5):
        next(run)
        product[0] @ product[1]
    rates, steps = [], []
    for _ in range(12):  # in turn: whatever slows the machine slows both
        started = time.perf_counter()
        for _ in range(10):
            product[0] @ product[1]
        rates.append(10 * 2 * 4096 * 1024 * 1024 / (time.perf_counter() - started))
        steps.append(next(run).seconds)
    # Two FLOPs a weight and token forward, four backward; scores and mixing over a causal half of the block.
    weights = run.model.n_params - run.model.wte.weight.numel()
    flops = tokens * (6 * weights + 6 * config.n_layer * config.block_size * config.n_embd)
    rate, seconds = statistics.median(rates), statistics.median(steps)
    return {
        "matrix products (GFLOP/s)": rate / 1e9,
        "training step, 3.2 M parameters, 4,096 tokens (ms)": 1000 * seconds,
        "training step, share of the matrix rate": flops / seconds / rate,
    }


def _import_time() -> float:
    """Milliseconds that `import labkit` adds to starting Python, the median of seven."""
    code = "import time; t = time.perf_counter(); import labkit; print(time.perf_counter() - t)"
    runs = [subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True) for _ in range(7)]
    return 1000 * statistics.median(float(run.stdout) for run in runs)


def _nanogpt(checkout: Path) -> tuple[float, float]:
    """Seconds of nanoGPT's training, from the start of its process to its end, and its last validation loss."""
    data, tokenizer = shakespeare()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for part in ("train.py", "model.py", "configurator.py", "config"):
            (folder / part).symlink_to(checkout / part)
        target = folder / "data" / "shakespeare_char"
        target.mkdir(parents=True)
        data.train.tofile(target / "train.bin")
        data.validation.tofile(target / "val.bin")
        (target / "meta.pkl").write_bytes(pickle.dumps({"vocab_size": tokenizer.vocab_size}))
        started = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "train.py", *NANOGPT.split()], cwd=folder, capture_output=True, text=True, check=True
        )
        seconds = time.perf_counter() - started
    return seconds, float(re.findall(r"val loss ([\d.]+)", done.stdout)[-1])
