"""`labkit rl` on a file of a few rewarded texts."""

import os
import re
import shlex
import signal
from statistics import pstdev

import pytest
import torch

from labkit.gpt import GPT, GPTConfig, load_gpt, save_gpt
from labkit.rlhf.offline import OfflineRun, Weighted, examples_of, read_scored, weighted_nats
from labkit.tokenizers import BPETokenizer, CharTokenizer

from .commands import failed, labkit, succeeded

pytestmark = pytest.mark.usefixtures("folder")

TEXT = "aaab|2.5\nabab|0.5\nbaab\t-1\nbbbb|-3\nab|1\nbba|-2\n" * 4
SMALL = shlex.split("--n-layer 1 --n-head 2 --n-embd 16 --device cpu --batch-size 8")
FILE = "gpt_offline.safetensors"


def trained(*more, sizes=SMALL):
    return labkit("rl", "--offline-data", "data.txt", *sizes, *more)


@pytest.fixture
def start(folder):
    """A model over a, b and the end of a line."""
    config = GPTConfig.preset("modern", 3, block_size=8, n_layer=1, n_head=2, n_embd=16, zero_init=False)
    save_gpt("start.safetensors", GPT(config, seed=3), CharTokenizer.train("ab\n"))
    return ["--model", "start.safetensors", "--device", "cpu", "--batch-size", 8]


# -- training


def test_a_model_comes_out_that_has_learned_and_can_write(folder):
    result = trained("--epochs", 12, "--lr", 0.01)
    stdout = succeeded(result)
    assert f"{pstdev([2.5, 0.5, -1, -3, 1, -2]):.4g}" == "1.863"
    assert stdout.startswith("24 texts, 2 of them held out; rewards -3 … 2.5, mean -0.3333, standard deviation 1.863")
    assert "36 steps" in result.stderr
    numbers = re.findall(r"loss of (.*): (\d\.\d{4}) nats a token before, (\d\.\d{4}) after", stdout)
    assert [name for name, _, _ in numbers] == ["the texts", "those held out"]
    assert float(numbers[0][1]) == pytest.approx(1.0986, abs=1e-4)  # log 3: a fresh model guesses
    assert float(numbers[0][2]) < 0.9
    model, tokenizer, about = load_gpt(FILE)
    assert tokenizer.characters == "\nab"
    assert (model.config.n_layer, model.config.n_embd, model.config.block_size) == (1, 16, 5)
    expected = {"source": "data.txt", "texts": 24, "beta": 1.0, "cap": 20.0, "epochs": 12.0, "model": None}
    assert about["offline"] == expected
    assert f"(step {about['step']} of 36)" in stdout
    assert stdout.count("--- before") == stdout.count("--- after") == 1
    written = succeeded(labkit("sample", FILE, "--max-new-tokens", 20, "--seed", 1))
    assert set(written) <= set("ab\n")
    assert [path.name for path in folder.iterdir() if path.name.startswith(".")] == []


def test_the_numbers_are_those_of_the_files_model_and_repeat():
    first = succeeded(trained("--epochs", 2))
    weights = load_gpt(FILE)[0].state_dict()
    assert succeeded(trained("--epochs", 2, "--overwrite")) == first
    assert all(torch.equal(p, weights[name]) for name, p in load_gpt(FILE)[0].state_dict().items())
    assert succeeded(trained("--epochs", 2, "--overwrite", "--seed", 1)) != first


def test_good_texts_become_likelier_than_bad_ones():
    """They are there equally often; at a small beta only the best are learned."""
    succeeded(trained("--epochs", 20, "--lr", 0.01, "--beta", 0.1))
    model, tokenizer, _ = load_gpt(FILE)
    scored = read_scored("data.txt")[:6]
    examples = examples_of(scored, tokenizer)
    alone = {e.text: weighted_nats(model, Weighted.of([x], [0.0])) for e, x in zip(scored, examples, strict=True)}
    assert min(alone, key=alone.get) == "aaab"
    assert alone["bbbb"] > 3 * alone["aaab"]


def test_it_goes_on_from_a_model(start, folder):
    before = (folder / "start.safetensors").read_bytes()
    stdout = succeeded(labkit("rl", "--offline-data", "data.txt", *start, "--epochs", 0.5))
    model, tokenizer, about = load_gpt(FILE)
    assert (model.config.block_size, tokenizer.characters) == (8, "\nab")
    assert about["offline"]["model"] == "start.safetensors"
    assert "of 2)" in stdout  # half of three batches, and the rest of one
    assert (folder / "start.safetensors").read_bytes() == before
    first = load_gpt("start.safetensors")[0].state_dict()
    moved = max((p - first[name]).abs().max().item() for name, p in model.state_dict().items())
    assert 0 < moved < 0.1


def test_special_tokens_of_a_models_tokenizer(folder):
    tokenizer = BPETokenizer.train(["ab\n"], 258, special_tokens=["<|end|>"])
    config = GPTConfig.preset("modern", 258, block_size=16, n_layer=1, n_head=2, n_embd=16)
    save_gpt("bpe.safetensors", GPT(config), tokenizer)
    (folder / "more.txt").write_text("a<|end|>|1\nb|2\n", encoding="utf-8")
    command = ["rl", "--offline-data", "more.txt", "--model", "bpe.safetensors", "--device", "cpu", "--epochs", 1]
    stderr = failed(labkit(*command))
    assert "more.txt, line 1: the text has the special token '<|end|>' at position 1: --special text reads it" in stderr
    succeeded(labkit(*command, "--special", "allow"))


def test_few_texts_are_all_learned_from_and_equal_rewards_are_said_to_be(folder):
    (folder / "data.txt").write_text("ab|1\nba|1\n", encoding="utf-8")
    result = trained("--epochs", 1)
    stdout = succeeded(result)
    assert stdout.startswith(
        "2 texts; rewards 1 … 1, mean 1, standard deviation 0; weighted, the 2 to learn from count"
    )
    assert "count as 2.0" in stdout
    assert "held out" not in stdout
    assert "all rewards are equal" in result.stderr
    assert load_gpt(FILE)[2]["validation"] is None


# -- stops


def interrupting(monkeypatch, at, times=1):
    step = OfflineRun.train_step

    def interrupted(run):
        if run.step == at:
            for _ in range(times):
                os.kill(os.getpid(), signal.SIGINT)
        return step(run)

    monkeypatch.setattr(OfflineRun, "train_step", interrupted)


def test_ctrl_c_keeps_the_model_so_far(monkeypatch):
    interrupting(monkeypatch, 4)
    handler = signal.getsignal(signal.SIGINT)
    result = trained("--epochs", 9)
    assert result.exit_code == 130
    assert f"stopped after step 5 of 27; {FILE} has the model so far\n" in result.stderr
    assert load_gpt(FILE)[2]["step"] in (3, 5)
    assert signal.getsignal(signal.SIGINT) == handler


def test_a_second_ctrl_c_leaves_nothing(monkeypatch, folder):
    interrupting(monkeypatch, 4, times=2)
    result = trained("--epochs", 9)
    assert result.exit_code == 130
    assert result.stderr.endswith("stopped; nothing was written\n")
    assert [path.name for path in folder.iterdir()] == ["data.txt"]


def test_divergence_is_one_line_and_nothing_is_written(monkeypatch, folder):
    step = OfflineRun.train_step

    def spoilt(run):
        if run.step == 2:
            with torch.no_grad():
                run.model.wte.weight.fill_(float("nan"))
        return step(run)

    monkeypatch.setattr(OfflineRun, "train_step", spoilt)
    result = trained()
    assert result.exit_code == 1
    (line,) = [line for line in result.stderr.splitlines() if line.startswith("error")]
    assert line.startswith("error: training diverged: step 3: the loss became nan at learning rate ")
    assert line.endswith("Start anew with a lower --lr; nothing was written")
    assert [path.name for path in folder.iterdir()] == ["data.txt"]


# -- what is refused


def test_an_older_file_is_not_lost(folder):
    (folder / FILE).write_text("mine")
    assert f"{FILE} is there already: --overwrite writes over it" in failed(trained())
    assert (folder / FILE).read_text() == "mine"
    succeeded(trained("--epochs", 1, "--overwrite"))
    assert load_gpt(FILE)[2]["offline"]["texts"] == 24


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("--epochs 0", "--epochs must be above 0, got 0"),
        ("--epochs nan", "--epochs must be above 0, got nan"),
        ("--beta 0", "beta, the temperature of the weights, must be a number above 0, got 0.0"),
        ("--cap 0.5", "cap, the largest weight where the mean is 1, must be 1 or more"),
        ("--output gpt.pt", "gpt.pt: a model's file ends in .safetensors"),
        ("--n-head 3", "n_embd must be divisible by n_head"),
        ("--block-size 3", "data.txt, line 1: the text takes 5 tokens, and the model reads block_size=3"),
        ("--batch-size 0", "batch_size must be a whole number of at least 1, got 0"),
        ("--device tpu", "unknown device 'tpu'"),
        ("--special text", "give --model too"),
        ("--model no.safetensors", "leave that out"),
    ],
)
def test_what_cannot_be_is_one_line_that_says_what_can(options, words, folder):
    stderr = failed(trained(*options.split()))
    assert stderr.startswith("error: ")
    assert stderr.count("\n") == 1
    assert words in stderr
    assert [path.name for path in folder.iterdir()] == ["data.txt"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("good|1\nno reward\n", "data.txt, line 2: no reward in 'no reward'"),
        ("good|1\nbad|x\n", "data.txt, line 2: the reward 'x' is not a finite number"),
        ("", "data.txt: there is no text in it"),
    ],
)
def test_a_faulty_file_is_named_with_its_line(content, words, folder):
    (folder / "data.txt").write_text(content, encoding="utf-8")
    assert f"error: {words}" in failed(trained())
    assert [path.name for path in folder.iterdir()] == ["data.txt"]


def test_what_a_model_cannot_learn_is_said_before_training(start, folder):
    cases = {
        "abc|1\n": "start.safetensors cannot learn that: data.txt, line 1: character 'c' (U+0063) at position 2",
        "ab|1\nababababab|1\n": "data.txt, line 2: the text takes 11 tokens, and the model reads block_size=8",
    }
    for content, words in cases.items():
        (folder / "data.txt").write_text(content, encoding="utf-8")
        assert words in failed(trained(sizes=start))
    assert not (folder / FILE).exists()


def test_what_is_no_model_to_begin_with(start, folder):
    config = GPTConfig(3, n_layer=1, n_embd=8, block_size=8)
    save_gpt("bare.safetensors", GPT(config))
    save_gpt("grade.safetensors", GPT(config.changed(head="regression")), CharTokenizer.train("ab\n"))
    save_gpt("lines.safetensors", GPT(config), CharTokenizer.train("ab"))
    cases = {
        "no.safetensors": "no.safetensors: there is no such file",
        "data.txt": "data.txt: not a safetensors file",
        "bare.safetensors": "bare.safetensors: a model without a tokenizer",
        "grade.safetensors": "OfflineRun trains a causal model with a language-model head",
        "lines.safetensors": "does not know the end of a line",
    }
    for name, words in cases.items():
        assert words in failed(trained(sizes=["--model", name]))
    same = ["--model", "start.safetensors", "--output", "start.safetensors", "--overwrite"]
    assert "start.safetensors is what is read" in failed(trained(sizes=same))
    assert "no.txt: there is no such file" in failed(labkit("rl", "--offline-data", "no.txt"))
