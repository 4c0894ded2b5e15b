"""The scalar GPT: a training step, against microgpt.py where a checkout is there.

The peer is the version of Karpathy's gist with 4,064 parameters (1 layer, 16 wide, block of 8, ReLU²),
as microgpt/microgpt.py in the folder of peers. Its code runs as it is; only the repetition of its
training loop is ours, so that the two models take turns and whatever slows the machine slows both.
"""

import ast
import contextlib
import io
import math
import tempfile
import time
from pathlib import Path
from types import CodeType
from typing import Any

from labkit.data import fetch
from labkit.scalar import GameGPT

STEPS = 100


def measure(peers: Path | None) -> dict[str, float]:
    """Milliseconds of our step, and how many times as long microgpt's takes for the same losses."""
    source_file = peers / "microgpt" / "microgpt.py" if peers else None
    if source_file and source_file.is_file():
        return _side_by_side(*_parts(source_file))
    print("scalar_gpt no microgpt/microgpt.py among the peers (PEERS=folder): the ratio of an earlier run is kept")
    names = fetch("makemore-names").read_text(encoding="utf-8").split()[:STEPS]
    model = GameGPT(vocab_size=27, n_layer=1, n_embd=16, block_size=8, n_head=4)
    started = time.thread_time()
    for name in names:
        model.train_step([26, *(ord(c) - ord("a") for c in name), 26])
    return {"training step, 4,064 parameters (ms)": 1000 * (time.thread_time() - started) / STEPS}


def _parts(source_file: Path) -> tuple[CodeType, CodeType]:
    """What microgpt.py does before its training loop, and the body of that loop."""
    tree = ast.parse(source_file.read_text(encoding="utf-8"))
    for i, statement in enumerate(tree.body):
        if isinstance(statement, ast.For) and ast.unparse(statement.target) == "step":
            before, body = ast.Module(tree.body[:i], []), ast.Module(statement.body, [])
            return compile(before, str(source_file), "exec"), compile(body, str(source_file), "exec")
    raise ValueError(f"{source_file}: no loop `for step in …` found")


def _side_by_side(before: CodeType, body: CodeType) -> dict[str, float]:
    """Both models from the same weights over the same names in the same order, step by step in turn."""
    peer: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder), contextlib.redirect_stdout(io.StringIO()):
        Path("input.txt").write_bytes(fetch("makemore-names").read_bytes())  # where microgpt looks for its names
        exec(before, peer)
    model = GameGPT(peer["vocab_size"], peer["n_layer"], peer["n_embd"], peer["block_size"], peer["n_head"])
    for p, q in zip(model.params, peer["params"], strict=True):  # the matrices come in the same order
        p.data = float(q.data)
    ids, bos = {letter: i for i, letter in enumerate(peer["uchars"])}, peer["BOS"]
    ours = theirs = 0.0
    differences = []
    for step in range(STEPS):
        peer["step"] = step
        started = time.thread_time()
        with contextlib.redirect_stdout(io.StringIO()):
            exec(body, peer)
        middle = time.thread_time()
        # Their rate falls by a cosine; ours in a line, which is divided out.
        lr = peer["lr_t"] / (1 - step / max(step + 1, 5000))
        tokens = [bos, *(ids[letter] for letter in peer["docs"][step]), bos]
        loss = model.train_step(tokens, lr, peer["beta1"], peer["beta2"], peer["eps_adam"])
        ours += time.thread_time() - middle
        theirs += middle - started
        differences.append(abs(loss - peer["loss"].data))
    # A nan compares false with everything: it is not within, and `max` may pass over it.
    worst = next((x for x in differences if math.isnan(x)), max(differences))
    if not worst <= 1e-9:
        raise AssertionError(f"the losses of {STEPS} steps differ from microgpt's by up to {worst:.3g}")
    return {
        "training step, 4,064 parameters (ms)": 1000 * ours / STEPS,
        "microgpt's step (ms)": 1000 * theirs / STEPS,
        "microgpt's time over ours, 100 steps": theirs / ours,
        "largest difference of the 100 losses": worst,
    }
