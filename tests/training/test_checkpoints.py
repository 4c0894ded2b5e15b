"""The best and the last on disk: what is written when, and what a killed process leaves to go on from.

Run as a script (`python test_checkpoints.py FOLDER`) this file is the process that starts trainings and kills them.
"""

import dataclasses
import json
import math
import os
import random
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from labkit.gpt import GPTConfig, load_gpt
from labkit.tokenizers import CharTokenizer
from labkit.training import Diverged
from labkit.training.checkpoints import Checkpoints, last_path, read_last
from labkit.training.lm import LMRun
from labkit.training.lm_config import LMConfig
from labkit.training.tokens import TokenData

RNG = np.random.default_rng(3)
DATA = TokenData.from_ids((np.arange(400) * 3 % 7).tolist(), RNG.integers(0, 7, 60).tolist())
MODEL = GPTConfig.preset("modern", 7, block_size=8, n_layer=1, n_head=2, n_embd=16, dropout=0.1)
CONFIG = LMConfig(
    max_steps=8, batch_size=4, accumulate=2, warmup_steps=2, eval_every=3, precision="float32", device="cpu"
)
TOKENIZER = CharTokenizer("abcdefg")


def run_of(**changes):
    torch.set_num_threads(1)
    return LMRun(MODEL, DATA, dataclasses.replace(CONFIG, **changes))


def train(run, checkpoints, steps=None):
    for step in run:
        checkpoints.after_step(run)
        if step.step == steps:
            break


def losses(run):
    return [(step.step, step.loss, step.lr, repr(step.extra)) for step in run.history]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "new" / "gpt.safetensors"


# -- what is written, and when


def test_a_fresh_run_writes_both_at_once_and_at_the_end(path):
    run = run_of()
    checkpoints = Checkpoints(path, TOKENIZER, about={"text": "numbers"})
    checkpoints.begin(run)
    assert sorted(p.name for p in path.parent.iterdir()) == ["gpt.last.safetensors", "gpt.safetensors"]
    assert load_gpt(path)[2] == {"text": "numbers", "step": 0, "validation": None}
    train(run, checkpoints)
    model, tokenizer, about = load_gpt(path)
    assert tokenizer == TOKENIZER
    assert about == {"text": "numbers", "step": run.best[0], "validation": run.best[1]}
    for ours, theirs in zip(model.parameters(), run.best_model().parameters(), strict=True):
        assert torch.equal(ours, theirs)
    document = read_last(path)
    assert (len(document["history"]), document["about"]) == (8, {"text": "numbers"})


def written(path):
    return [row["step"] for row in read_last(path)["history"]][-1:]


def test_states_come_at_intervals_of_steps(path):
    run, checkpoints = run_of(), Checkpoints(path, every_seconds=None, every_steps=3)
    checkpoints.begin(run)
    seen = []
    for _ in run:
        checkpoints.after_step(run)
        seen += written(path) or [0]
    assert seen == [0, 0, 3, 3, 3, 6, 6, 8]


def test_states_come_at_intervals_of_time(path, monkeypatch):
    clock = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    run, checkpoints = run_of(), Checkpoints(path, every_seconds=10)
    checkpoints.begin(run)
    seen = []
    for _ in run:
        clock[0] += 4
        checkpoints.after_step(run)
        seen += written(path) or [0]
    assert seen == [0, 0, 3, 3, 3, 6, 6, 8]


def test_the_model_is_the_best_so_far_before_any_state_is_due(path, monkeypatch):
    found = iter([2.0, 3.0, 1.5, 1.7])
    run, checkpoints = run_of(eval_every=2), Checkpoints(path, every_seconds=None)
    monkeypatch.setattr(run, "evaluate", lambda: next(found))
    checkpoints.begin(run)
    seen = []
    for _ in run:
        checkpoints.after_step(run)
        seen.append(load_gpt(path)[2]["step"])
    assert seen == [0, 2, 2, 2, 2, 6, 6, 6]


def test_a_run_that_does_not_evaluate_writes_its_present_model(path):
    run, checkpoints = run_of(eval_every=0), Checkpoints(path, every_steps=3)
    checkpoints.begin(run)
    train(run, checkpoints)
    model, _, about = load_gpt(path)
    assert about == {"step": 8, "validation": None}
    assert torch.equal(model.wte.weight, run.model.wte.weight)


def test_a_new_run_takes_the_place_of_an_older_one(path):
    old = run_of(seed=5)
    checkpoints = Checkpoints(path)
    checkpoints.begin(old)
    train(old, checkpoints)
    (path.parent / ".gpt.safetensors.abc.part").write_bytes(b"half")
    (path.parent / ".gpt.last.safetensors.abc.part").write_bytes(b"half")
    checkpoints.begin(run_of())
    assert read_last(path)["history"] == []
    assert load_gpt(path)[2]["step"] == 0
    assert len(list(path.parent.iterdir())) == 2


# -- what is kept when things go wrong


def test_divergence_leaves_the_last_good_files(path):
    run, checkpoints = run_of(), Checkpoints(path, every_steps=1)
    checkpoints.begin(run)
    train(run, checkpoints, steps=4)
    before = [p.read_bytes() for p in (path, last_path(path))]
    with torch.no_grad():
        run.model.wte.weight.fill_(math.nan)
    assert checkpoints.save(run) is False
    with pytest.raises(Diverged):
        train(run, checkpoints)
    assert [p.read_bytes() for p in (path, last_path(path))] == before


def test_a_disk_that_is_full_leaves_the_last_good_files(path, monkeypatch):
    run, checkpoints = run_of(), Checkpoints(path, every_steps=1)
    checkpoints.begin(run)
    train(run, checkpoints, steps=4)
    before = [p.read_bytes() for p in (path, last_path(path))]

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        train(run, checkpoints)
    assert [p.read_bytes() for p in (path, last_path(path))] == before
    assert len(list(path.parent.iterdir())) == 2


@pytest.mark.parametrize("damage", ["lost", "cut short"])
def test_a_model_that_is_lost_comes_back_from_the_state(path, damage):
    run, checkpoints = run_of(), Checkpoints(path)
    checkpoints.begin(run)
    train(run, checkpoints)
    before = path.read_bytes()
    path.write_bytes(before[:100])
    if damage == "lost":
        path.unlink()
    Checkpoints(path).resume(run_of())
    assert path.read_bytes() == before


def test_a_state_that_is_not_there_or_no_state(path):
    with pytest.raises(FileNotFoundError, match=r"gpt\.last\.safetensors: there is no such file"):
        Checkpoints(path).resume(run_of())
    Checkpoints(path).begin(run_of())
    last_path(path).write_bytes(path.read_bytes())
    with pytest.raises(ValueError, match=r"gpt\.last\.safetensors: not a run's state"):
        Checkpoints(path).resume(run_of())
    with pytest.raises(ValueError, match=r"gpt\.last\.safetensors: not the state of a language model's training"):
        read_last(path)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"path": "gpt.pt"}, r"gpt\.pt: a model's file ends in \.safetensors"),
        ({"path": ".safetensors"}, r"ends in \.safetensors"),
        ({"every_steps": 0}, "every_steps must be above 0"),
        ({"every_seconds": -1.0}, "every_seconds must be above 0"),
    ],
)
def test_what_cannot_be_kept_is_refused(options, words):
    with pytest.raises(ValueError, match=words):
        Checkpoints(**{"path": "gpt.safetensors"} | options)


# -- kill -9

KILLS, STEPS = 24, 120


def wait_for(pipe):
    """Until something is in a pipe, which is empty then."""
    while select.select([pipe], [], [], 0)[0]:
        os.read(pipe, 1)  # of children before this one
    select.select([pipe], [], [], 20)


def killed_training(folder):
    """Train to the end in processes that are killed at random moments; prints what became of it as JSON.

    A fork of a process that has torch already starts in no time; SIGKILL ends it as it does any other.
    """
    torch.set_num_threads(1)
    options = {"max_steps": STEPS, "eval_every": 2}
    read_end, write_end = os.pipe()  # a child says when its first step begins
    os.set_blocking(read_end, False)

    def training(path, resume):
        run, checkpoints = run_of(**options), Checkpoints(path, TOKENIZER, every_steps=1)
        (checkpoints.resume if resume else checkpoints.begin)(run)
        os.write(write_end, b".")
        train(run, checkpoints)

    def child(*arguments):
        pid = os.fork()
        if pid:
            return pid
        status = 1
        try:
            training(*arguments)
            status = 0
        finally:
            os._exit(status)

    whole, path = folder / "whole.safetensors", folder / "gpt.safetensors"
    next(run_of())  # what torch imports at a first step is there before the forks
    started = time.monotonic()
    assert os.waitpid(child(whole, False), 0)[1] == 0
    length = time.monotonic() - started  # of a whole training: each child gets a random share of it

    rng, steps, kills, best = random.Random(), [], 0, []
    while kills < KILLS:
        pid = child(path, last_path(path).exists())
        if rng.random() < 0.8:  # else while it begins or resumes
            wait_for(read_end)
        time.sleep(rng.uniform(0, length / 20))
        os.kill(pid, signal.SIGKILL)
        status = os.waitpid(pid, 0)[1]
        if os.WIFEXITED(status):  # it was done, well or not, before the signal came
            assert os.WEXITSTATUS(status) == 0
            break
        kills += 1
        if last_path(path).exists():  # not so only when killed before the first was there
            resumed, checkpoints = run_of(**options), Checkpoints(folder / "copy.safetensors")
            resumed.load(last_path(path))
            steps.append(resumed.step)
            model, tokenizer, about = load_gpt(path)
            assert tokenizer == TOKENIZER
            assert all(bool(torch.isfinite(p).all()) for p in model.parameters())
            best.append(about["step"])
            assert about["step"] >= (resumed.best or (0,))[0]
            if resumed.step < STEPS:
                checkpoints.begin(resumed)  # it goes on from here, as well
                next(resumed)
    assert os.waitpid(child(path, last_path(path).exists()), 0)[1] == 0

    one, other = (run_of(**options).load(last_path(p)) for p in (whole, path))
    print(
        json.dumps(
            {
                "kills": kills,
                "steps": steps,
                "same history": losses(one) == losses(other),
                "length": len(other.history),
                "same weights": all(
                    torch.equal(a, b)
                    for a, b in zip(load_gpt(whole)[0].parameters(), load_gpt(path)[0].parameters(), strict=True)
                ),
                "left": sorted(p.name for p in folder.iterdir() if p.name.startswith(".")),
            }
        )
    )


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the processes to kill are forked, and this system cannot fork")
def test_a_training_that_is_killed_again_and_again_comes_to_the_same_end(tmp_path):
    result = subprocess.run(
        [sys.executable, __file__, str(tmp_path)], capture_output=True, text=True, timeout=300, check=False
    )
    assert result.returncode == 0, result.stderr
    found = json.loads(result.stdout)
    assert found["kills"] >= 20, found
    assert found["steps"] == sorted(found["steps"])
    assert len(set(found["steps"])) > 5, found  # it was killed in many places
    assert (found["same history"], found["length"], found["same weights"]) == (True, STEPS, True)
    assert found["left"] == []


if __name__ == "__main__":
    killed_training(Path(sys.argv[1]))
