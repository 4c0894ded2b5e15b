"""`labkit train` and `labkit sample` on a text of a few lines."""

import dataclasses
import os
import re
import shlex
import signal
import subprocess
import sys
import time

import pytest
import torch
from typer.testing import CliRunner

from labkit.cli import app, train
from labkit.cli.options import documented, flag
from labkit.gpt import GPT, GPTConfig, load_gpt, save_gpt
from labkit.training.checkpoints import last_path, read_last
from labkit.training.lm import LMRun
from labkit.training.lm_config import LMConfig

from .commands import PLAIN, SMALL, failed, labkit

pytestmark = pytest.mark.usefixtures("folder")

TEXT = "the cat sat on the mat\nand the dog sat on the log\n" * 20


def trained(*more):
    return labkit("train", "--text", "data.txt", *SMALL, *PLAIN, *more)


def plain(text):
    """Help and usage errors without their boxes and line breaks."""
    return " ".join(re.sub(r"[│╭╰╮╯─]|\x1b\[[\d;]*m", " ", text).split())


# -- training


def test_a_model_comes_out_with_its_loss_in_three_units(folder):
    result = trained("--max-steps", 7)
    assert result.exit_code == 0, result.output
    model, tokenizer, about = load_gpt("gpt.safetensors")
    assert tokenizer.characters == "".join(sorted(set(TEXT)))
    assert (model.config.n_layer, model.config.n_embd, model.config.block_size) == (1, 16, 8)
    assert about["text"]["source"] == "data.txt"
    nats = about["validation"]
    first, second = result.stdout.splitlines()
    assert first.startswith(f"validation loss {nats:.4f} nats, perplexity {2.718281828**nats:.3f}, ")
    assert f"{nats / 0.69314718:.4f} bits per character (step {about['step']} of 7)" in first
    assert second == "the model is in gpt.safetensors; it writes with: labkit sample gpt.safetensors"
    assert "characters to learn from (14 different), on cpu in float32, 7 steps" in result.stderr
    assert [row["step"] for row in read_last("gpt.safetensors")["history"]] == list(range(1, 8))


@pytest.mark.parametrize(("epochs", "steps"), [("1", 29), ("0.05", 2), ("2.5", 71)])
def test_epochs_become_steps(epochs, steps, monkeypatch):
    """ceil(epochs · 900 training characters / (4 · 8))."""
    monkeypatch.setattr(train, "_train", lambda *_: None)
    assert trained("--epochs", epochs).exit_code == 0
    assert read_last("gpt.safetensors")["max_steps"] == steps == -(-float(epochs) * int(0.9 * len(TEXT)) // 32)


@pytest.mark.parametrize("preset", ["micro", "gpt2", "modern"])
def test_presets_and_every_field(preset, monkeypatch):
    monkeypatch.setattr(train, "_train", lambda *_: None)
    more = "--no-norm-gain --dropout 0.1 --init-std 0.05 --lr 0.01 --beta2 0.9 --optimizer adamw --seed 3 --grad-clip 0"
    result = trained("--preset", preset, *more.split())
    assert result.exit_code == 0, result.output
    state = read_last("gpt.safetensors")["state"]
    sizes = {"n_layer": 1, "n_head": 2, "n_embd": 16, "block_size": 8}
    expected = GPTConfig.preset(preset, 14, **sizes, norm_gain=False, dropout=0.1, init_std=0.05)
    assert state["model"] == expected.to_dict()
    config = LMConfig.from_dict(state["config"])
    assert (config.lr, config.beta2, config.optimizer, config.seed, config.grad_clip) == (0.01, 0.9, "adamw", 3, 0)
    assert config.schedule == LMConfig.schedule


def test_without_an_evaluation_on_the_way_there_is_one_at_the_end():
    result = trained("--max-steps", 3, "--eval-every", 0)
    assert result.exit_code == 0
    assert re.match(r"validation loss \d\.\d{4} nats, .* \(step 3 of 3\)", result.stdout)


def test_samples_are_shown_on_the_way_and_kept():
    result = trained("--max-steps", 4, "--sample-every", 2)
    assert result.exit_code == 0
    samples = read_last("gpt.safetensors")["state"]["samples"]
    assert [step for step, _ in samples] == [1, 2, 4]
    assert all(f"--- step {step}\n{text}\n" in result.stderr for step, text in samples)


# -- going on


def test_a_resumed_training_ends_as_one_without_a_stop(monkeypatch):
    assert trained("--max-steps", 9, "--output", "whole.safetensors", "--dropout", 0.1).exit_code == 0

    step = LMRun.train_step

    def interrupted(run):
        if run.step == 4:
            os.kill(os.getpid(), signal.SIGINT)
        return step(run)

    monkeypatch.setattr(LMRun, "train_step", interrupted)
    handler = signal.getsignal(signal.SIGINT)
    result = trained("--max-steps", 9, "--dropout", 0.1)
    stderr = failed(result, 130)
    assert "stopped after step 5 of 9; the state is in gpt.last.safetensors\n" in stderr
    assert "go on with: labkit train --resume --output gpt.safetensors\n" in stderr
    assert signal.getsignal(signal.SIGINT) == handler
    monkeypatch.setattr(LMRun, "train_step", step)

    result = labkit("train", "--resume", "--n-layer", 1, "--device", "cpu")
    assert result.exit_code == 0, result.output
    assert "from step 5" in result.stderr
    one, other = read_last("whole.safetensors"), read_last("gpt.safetensors")
    for row in one["history"] + other["history"]:
        del row["seconds"]
    assert one == other
    weights, others = (load_gpt(path)[0].state_dict() for path in ("whole.safetensors", "gpt.safetensors"))
    assert all(torch.equal(others[name], t) for name, t in weights.items())

    again = labkit("train", "--resume")  # there is nothing left to do
    assert (again.exit_code, again.stdout) == (0, result.stdout)


def test_a_second_ctrl_c_stops_at_once(monkeypatch):
    def interrupted(run):
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(1)
        raise AssertionError("it went on")

    monkeypatch.setattr(LMRun, "train_step", interrupted)
    stderr = failed(trained(), 130)
    assert "stopped at once; the last state saved is in gpt.last.safetensors\n" in stderr
    assert read_last("gpt.safetensors")["history"] == []


def test_what_is_in_conflict_with_the_stored_setup_is_named(folder):
    trained("--max-steps", 3, "--preset", "gpt2")
    before = last_path("gpt.safetensors").read_bytes()
    (folder / "other.txt").write_text(TEXT + "more", encoding="utf-8")
    options = shlex.split("--lr 0.5 --n-embd 16 --n-layer 2 --preset micro --epochs 5 --text other.txt")
    stderr = failed(labkit("train", "--resume", *options))
    assert stderr == (
        "error: --resume goes on as the run was set up; in conflict: --lr 0.5 (it is 0.003), --n-layer 2 (it is 1), "
        "--preset micro (it is gpt2), --epochs 5 (142 steps; it is 3), "
        "--text other.txt (it is another text than 'data.txt' was)\n"
    )
    assert last_path("gpt.safetensors").read_bytes() == before


def test_a_text_that_has_moved(folder):
    trained("--max-steps", 3)
    (folder / "data.txt").rename(folder / "moved.txt")
    stderr = failed(labkit("train", "--resume"))
    assert "this run learned from 'data.txt': --text says where that is now" in stderr
    assert labkit("train", "--resume", "--text", "moved.txt").exit_code == 0


def test_an_older_model_is_not_lost():
    trained("--max-steps", 3)
    before = [path.read_bytes() for path in (last_path("gpt.safetensors").with_name("gpt.safetensors"),)]
    stderr = failed(trained())
    assert stderr.startswith("error: gpt.safetensors is there already: --resume goes on with its training, --overwrite")
    assert [last_path("gpt.safetensors").with_name("gpt.safetensors").read_bytes()] == before
    assert trained("--max-steps", 4, "--overwrite").exit_code == 0
    assert len(read_last("gpt.safetensors")["history"]) == 4


def test_divergence_is_one_line_and_the_last_good_files_stay(monkeypatch):
    step = LMRun.train_step

    def spoilt(run):
        if run.step == 5:
            with torch.no_grad():
                run.model.wte.weight.fill_(float("nan"))
        return step(run)

    monkeypatch.setattr(LMRun, "train_step", spoilt)
    stderr = failed(trained("--max-steps", 9))
    (line,) = [line for line in stderr.splitlines() if line.startswith("error")]
    assert line == (
        "error: training diverged: step 6: the loss became nan at learning rate 0.003. Start anew with a lower --lr; "
        "gpt.safetensors and gpt.last.safetensors are as they were last saved."
    )
    assert load_gpt("gpt.safetensors")[2]["step"] == 3
    assert read_last("gpt.safetensors")["history"] == []


# -- what is refused


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("--text no.txt", "unknown text 'no.txt'; there are: python-topics, shakespeare"),
        ("--n-head 3", "n_embd must be divisible by n_head, got n_embd=16 and n_head=3; n_head may be 1, 2, 4, 8, 16"),
        ("--batch-size 0", "batch_size must be a whole number of at least 1, got 0"),
        ("--dropout 1.5", "dropout must be at least 0 and below 1, got 1.5"),
        ("--block-size 5000", "a block of 5000 tokens"),
        ("--output gpt.pt", "gpt.pt: a model's file ends in .safetensors"),
        ("--device tpu", "unknown device 'tpu'; there are: auto, cpu, cuda, mps"),
        ("--epochs 2 --max-steps 5", "--epochs and --max-steps both say where training ends: give one of them"),
        ("--epochs 0", "--epochs must be above 0, got 0"),
        ("--epochs nan", "--epochs must be above 0, got nan"),
        ("--resume", "nothing to resume: there is no gpt.last.safetensors; leave out --resume to begin"),
        ("--resume --overwrite", "--resume goes on and --overwrite starts anew: give one of them"),
        ("--patience 3 --eval-every 0", "patience counts evaluations: set eval_every too"),
    ],
)
def test_what_cannot_be_is_one_line_that_says_what_can(options, words, folder):
    stderr = failed(trained(*options.split()))
    assert stderr.startswith("error: ")
    assert stderr.count("\n") == 1
    assert words in stderr
    assert [path.name for path in folder.iterdir()] == ["data.txt"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("--preset gpt3", "'gpt3' is not one of 'micro', 'gpt2', 'modern'"),
        ("--n-layer 2.5", "valid integer"),
        ("--layers 2", "No such option: --layers"),
        ("--schedule cos", "'cos' is not one of 'constant', 'linear', 'cosine', 'wsd'"),
    ],
)
def test_options_that_are_none(options, words):
    assert words in plain(failed(labkit("train", *options.split()), 2))


# -- help


def test_help_has_every_field_of_both_configs_in_three_panels():
    text = plain(CliRunner(env={"COLUMNS": "200"}).invoke(app, ["train", "--help"]).stdout)
    fields = {field.name for config in (LMConfig, GPTConfig) for field in dataclasses.fields(config)}
    for name in fields - set(train.FIXED):
        assert f" {flag(name)} " in text
    panels = [text.index(f" {panel} ") for panel in ("Data and output", "Training", "Model")]
    assert panels == sorted(panels)
    assert "Attention heads; n_embd must be divisible by it. [default: (4)]" in text


@pytest.mark.parametrize("config", [LMConfig, GPTConfig])
def test_every_field_is_documented(config):
    texts = documented(config)
    assert list(texts) == [field.name for field in dataclasses.fields(config)]
    assert all(text.endswith((".", "None.")) for text in texts.values())


# -- sampling


@pytest.fixture
def model(folder):
    assert trained("--max-steps", 3).exit_code == 0
    return "gpt.safetensors"


def test_a_sample_goes_on_from_the_prompt(model):
    result = labkit("sample", model, "--prompt", "the ", "--max-new-tokens", 30, "--seed", 1, "--temperature", 0.8)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.startswith("the ")
    assert len(result.stdout) == len("the ") + 30 + 1
    again = labkit("sample", model, "--prompt", "the ", "--max-new-tokens", 30, "--seed", 1, "--temperature", 0.8)
    other = labkit("sample", model, "--prompt", "the ", "--max-new-tokens", 30, "--seed", 2, "--temperature", 0.8)
    assert again.stdout == result.stdout != other.stdout


def test_samples_are_those_of_generate(model):
    from labkit.sampling import Sampling, generate

    gpt, tokenizer, _ = load_gpt(model)
    options = shlex.split("--top-k 5 --top-p 0.9 --repetition-penalty 1.2 --seed 4 --num-samples 2 --max-new-tokens 20")
    result = labkit("sample", model, *options)
    rows = generate(gpt, [tokenizer.encode("\n")], 20, Sampling(1.0, 5, 0.9, 1.2), seed=4)
    first, second = re.fullmatch(r"--- 1 of 2\n(.*)\n--- 2 of 2\n(.*)\n", result.stdout, re.DOTALL).groups()
    assert first == tokenizer.decode(rows[0])
    assert first != second
    assert len(second) == 20


def test_a_sample_stops_at_a_character(model):
    result = labkit("sample", model, "--stop", "t \n", "--seed", 0)
    assert result.stdout.rstrip("\n")[:-1].isalpha() or len(result.stdout) <= 3
    assert len(result.stdout) < 200


def test_what_cannot_be_sampled(model, folder):
    cases = {
        (model, "--prompt", "ROMEO"): f"{model} cannot read that: character 'R' (U+0052) at position 0",
        (model, "--stop", "!"): "character '!' (U+0021) at position 0",
        (model, "--repetition-penalty", "0"): "repetition_penalty",
        (model, "--top-p", "1.5"): "top_p must be None or above 0 and at most 1, got 1.5",
        ("gpt.last.safetensors",): "is the state of a training; the model is gpt.safetensors",
        ("no.safetensors",): "no.safetensors: there is no such file",
        ("data.txt",): "data.txt: not a safetensors file",
        (folder,): "is a folder; `labkit sample` needs a file that `labkit train` wrote",
        (model, "--device", "tpu"): "unknown device 'tpu'",
    }
    for arguments, words in cases.items():
        stderr = failed(labkit("sample", *arguments))
        assert stderr.startswith("error: ")
        assert stderr.count("\n") == 1
        assert words in stderr
    save_gpt("bare.safetensors", GPT(GPTConfig(5, n_layer=1, n_embd=8)))
    assert "a model without a tokenizer" in failed(labkit("sample", "bare.safetensors"))


# -- as processes


def test_the_command_line_loads_no_torch():
    code = "import sys, labkit.cli; print([name for name in ('torch', 'numpy', 'transformers') if name in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=300)
    assert result.stdout == "[]\n"


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl+C is not a signal that a process can be sent")
def test_a_real_process_is_interrupted_and_another_goes_on(folder):
    command = [sys.executable, "-m", "labkit.cli", "train", "--text", "data.txt", *SMALL, *PLAIN]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    options = ["--max-steps", "100000", "--schedule", "constant", "--save-every", "0.001"]
    process = subprocess.Popen([*command, *options], cwd=folder, stderr=subprocess.PIPE, text=True, env=environment)
    try:
        deadline = time.monotonic() + 300
        while not (last_path("gpt.safetensors").exists() and read_last("gpt.safetensors")["history"]):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=300)
    finally:
        process.kill()
    assert process.returncode == 130, stderr
    done = len(read_last("gpt.safetensors")["history"])
    assert f"stopped after step {done} of 100000; the state is in gpt.last.safetensors" in stderr
    sampled = [
        sys.executable,
        "-m",
        "labkit.cli",
        "sample",
        "gpt.safetensors",
        "--prompt",
        "the",
        "--max-new-tokens",
        "9",
    ]
    result = subprocess.run(
        sampled, cwd=folder, capture_output=True, text=True, timeout=300, env=environment, check=False
    )
    assert (result.returncode, result.stderr, result.stdout[:3]) == (0, "", "the")
