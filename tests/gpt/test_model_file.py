"""save_gpt and load_gpt: what comes back, what a crash leaves, what is refused."""

import json
import subprocess
import sys
import textwrap

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from labkit.gpt import PRESETS, load_gpt, save_gpt
from labkit.gpt.tensor_file import KEY
from labkit.tokenizers import CharTokenizer

ABOUT = {"text": "a poem", "validation": 1.5, "steps": [1, 2]}


@pytest.fixture
def tokenizer():
    return CharTokenizer.train("hello world")


@pytest.fixture
def path(gpt, tokenizer, tmp_path):
    return save_gpt(tmp_path / "deep" / "gpt.safetensors", gpt(), tokenizer, ABOUT)


def tamper(path, tensors=None, **changes):
    """Rewrite the file with other metadata (None leaves a field out) or tensors."""
    with safe_open(path, "pt") as file:
        document = json.loads(file.metadata()[KEY])
    document = {k: v for k, v in (document | changes).items() if v is not None}
    save_file(tensors if tensors is not None else load_file(path), path, {KEY: json.dumps(document)})


def config_of(path, **changes):
    with safe_open(path, "pt") as file:
        return json.loads(file.metadata()[KEY])["config"] | changes


@pytest.mark.parametrize("head", [{}, {"head": "classification", "n_outputs": 3, "tied": False}])
@pytest.mark.parametrize("preset", PRESETS)
def test_all_of_it_comes_back(gpt, tokens, tokenizer, tmp_path, preset, head):
    model = gpt(preset, dropout=0.1, **head)
    again, tokenizer_again, about = load_gpt(save_gpt(tmp_path / "gpt.safetensors", model, tokenizer, ABOUT))
    assert again.config == model.config
    assert not again.training
    assert tokenizer_again == tokenizer
    assert about == ABOUT
    assert torch.equal(again(tokens(2, 6)), model(tokens(2, 6)))
    assert all(p.requires_grad for p in again.parameters())


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_the_precision_is_kept(gpt, tokens, tmp_path, dtype):
    model = gpt(dtype=dtype)
    again, tokenizer, about = load_gpt(save_gpt(tmp_path / "gpt.safetensors", model))
    assert again.wte.weight.dtype == dtype
    assert torch.equal(again(tokens(1, 5)), model(tokens(1, 5)))
    assert tokenizer is None
    assert about == {}


def test_tied_weights_are_stored_once(gpt, tmp_path):
    path = save_gpt(tmp_path / "gpt.safetensors", gpt("gpt2"))
    assert "head.weight" not in load_file(path)
    model = load_gpt(path)[0]
    assert model.head.weight is model.wte.weight


def test_the_file_is_safetensors_as_others_read_it(path, gpt):
    model = gpt()
    assert {k: v.shape for k, v in load_file(path).items()} == {k: p.shape for k, p in model.named_parameters()}


# -- what is not written


def test_what_is_refused_before_writing_leaves_the_older_file(gpt, tokenizer, path):
    before = path.read_bytes()
    model = gpt()
    with pytest.raises(ValueError, match="JSON cannot hold what is in `about`"):
        save_gpt(path, model, about={"loss": float("nan")})
    with pytest.raises(ValueError, match="JSON cannot hold what is in `about`"):
        save_gpt(path, model, about={"model": model})
    with pytest.raises(ValueError, match=r"the tokenizer has 12 tokens, but the model knows 11"):
        save_gpt(path, model, CharTokenizer.train("abcdefghijkl"))
    with torch.no_grad():
        model.wte.weight[0, 0] = torch.nan
    with pytest.raises(ValueError, match=r"wte\.weight holds nan"):
        save_gpt(path, model)
    assert path.read_bytes() == before
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_a_full_disk_leaves_the_older_file(gpt, path, monkeypatch):
    before = path.read_bytes()

    def full(handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        save_gpt(path, gpt(seed=1))
    assert path.read_bytes() == before
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_killed_while_writing(tmp_path):
    """Children that write without end are killed, 20 of them, each at another moment; the file always loads."""
    path = tmp_path / "gpt.safetensors"
    script = """
        import os, random, signal, sys, time
        import torch
        from labkit.gpt import GPT, GPTConfig, load_gpt, save_gpt

        torch.set_num_threads(1)
        path, rng = sys.argv[1], random.Random(0)
        models = [GPT(GPTConfig(vocab_size=64, n_layer=2, n_embd=64, n_head=2), seed=seed) for seed in range(2)]
        save_gpt(path, models[0])
        for _ in range(20):
            child = os.fork()
            if child == 0:
                while True:
                    for model in models:
                        save_gpt(path, model)
            time.sleep(rng.uniform(0.001, 0.03))
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            found = load_gpt(path)[0].wte.weight
            assert any(torch.equal(found, model.wte.weight) for model in models)
        print("always whole")
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(script), path], capture_output=True, text=True)
    assert done.stdout == "always whole\n", done.stderr


# -- what is not read


@pytest.mark.parametrize("share", [0, 0.001, 0.1, 0.5, 0.99])
def test_half_a_file(path, share):
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(ValueError, match="not a safetensors file, or a broken one") as error:
        load_gpt(path)
    assert str(path) in str(error.value)


def test_foreign_files(path, tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no such file"):
        load_gpt(tmp_path / "none.safetensors")
    with pytest.raises(FileNotFoundError, match="a folder, not a file"):
        load_gpt(tmp_path)
    torch.save({"a": torch.zeros(2)}, path)
    with pytest.raises(ValueError, match="a pickle, which can run code"):
        load_gpt(path)
    path.write_text("<html>Not found</html>")
    with pytest.raises(ValueError, match="not a safetensors file"):
        load_gpt(path)
    save_file({"a": torch.zeros(2)}, path)
    with pytest.raises(ValueError, match="not one of labkit's"):
        load_gpt(path)
    save_file({"a": torch.zeros(2)}, path, {KEY: "{"})
    with pytest.raises(ValueError, match="not sound JSON"):
        load_gpt(path)
    save_file({"a": torch.zeros(2)}, path, {KEY: "[]"})
    with pytest.raises(ValueError, match="should be a JSON object, got list"):
        load_gpt(path)
    save_file({"a": torch.zeros(2)}, path, {KEY: '{"kind": "LMRun"}'})
    with pytest.raises(
        ValueError, match=r"not a model of labkit's: expected the format 'labkit.gpt 1', found no format"
    ):
        load_gpt(path)


def test_a_folder_of_transformers_is_pointed_elsewhere(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ValueError, match=r"GPT\.from_hf"):
        load_gpt(tmp_path)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"format": "labkit.gpt 9"}, "found format 'labkit.gpt 9'"),
        ({"config": None}, "should hold 'config'"),
        ({"config": [1]}, "should hold 'config'"),
        ({"config": {"vocab_size": 11, "layers": 2}}, "no field layers"),
        ({"config": {"vocab_size": "11"}}, "vocab_size must be a whole number"),
        ({"about": "text"}, "should hold 'about'"),
        ({"tokenizer": [1]}, "should hold 'tokenizer'"),
        ({"tokenizer": {"type": "words"}}, "unknown type of tokenizer 'words'"),
        ({"tokenizer": {"type": "char", "characters": "ba"}}, "ascend by code point"),
        ({"tokenizer": {"type": "char", "characters": "abcdefghijkl"}}, "the tokenizer has 12 tokens"),
    ],
)
def test_tampered_metadata(path, changes, words):
    tamper(path, **changes)
    with pytest.raises(ValueError, match=words) as error:
        load_gpt(path)
    assert str(path) in str(error.value)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"n_layer": 10**9}, "n_layer=1000000000, but there are weights of 2 blocks"),
        ({"n_embd": 32}, r"should have the shape \[.*32\]"),
        ({"vocab_size": 12}, r"should have the shape \[12, 16\], got \[11, 16\]"),
        ({"vocab_size": 10**30}, r"gpt\.safetensors"),
        ({"n_embd": 10**15 + 1}, "n_embd must be divisible"),
        ({"bias": True}, r"missing weights: blocks\.0\.attention\.key\.bias.* more"),
        ({"tied": True}, r"unknown weights: head\.weight"),
        ({"positions": "learned"}, r"missing weights: wpe\.weight"),
        ({"norm": "other"}, "norm must be one of"),
        ({"dropout": None}, "dropout must be"),
    ],
)
def test_a_config_of_another_model(path, changes, words):
    tamper(path, config=config_of(path, **changes))
    with pytest.raises(ValueError, match=words) as error:
        load_gpt(path)
    assert str(path) in str(error.value)


def test_tampered_tensors(path):
    tensors = load_file(path)
    tamper(path, tensors | {"more": torch.zeros(1)})
    with pytest.raises(ValueError, match="unknown weights: more"):
        load_gpt(path)
    tamper(path, {k: t for k, t in tensors.items() if k != "wte.weight"})
    with pytest.raises(ValueError, match=r"missing weights: wte\.weight"):
        load_gpt(path)
    tamper(path, tensors | {"wte.weight": torch.zeros(11, 16, dtype=torch.int64)})
    with pytest.raises(ValueError, match=r"one floating-point type, got torch\.float32, torch\.int64"):
        load_gpt(path)
    tamper(path, {})
    with pytest.raises(ValueError, match="weights of 0 blocks"):
        load_gpt(path)
