"""Schemes compared: sizes against the model itself, bits per byte against sums over a text, compute against steps."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.schemes import compare
from labkit.data import Text
from labkit.gpt import GPT, GPTConfig
from labkit.tokenizers import BPETokenizer, ByteTokenizer, CharTokenizer, WordTokenizer
from labkit.training.schemes import (
    bits_per_byte,
    describe,
    flops_per_token,
    make_schemes,
    scheme_model,
    train_scheme,
)

LINES = ["the cat sat on the mat", "a dog and the cow ran", "né pas 12 🐈 now", "low lower lowest low"]
TEXT = Text("lines", "\n".join(LINES[i % 4] for i in range(120)) + "\nzebra", 0.2)
SMALL = {"n_layer": 1, "n_embd": 16, "n_head": 2, "block_size": 8}
QUICK = {"batch_size": 4, "precision": "float32", "device": "cpu"}


def test_the_schemes_are_made_of_the_training_part_alone():
    schemes = make_schemes(TEXT, (270, 280))
    assert list(schemes) == ["characters", "bytes", "BPE 270", "BPE 280", "words, 280", "words, all"]
    for size in (270, 280):
        assert schemes[f"BPE {size}"] == BPETokenizer.train(TEXT.train, size)
    assert schemes["words, all"] == WordTokenizer.train(TEXT.train)
    assert "z" not in TEXT.train
    assert "z" not in schemes["characters"].characters


@pytest.mark.parametrize("sizes", [(), (255,)])
def test_sizes_that_cannot_be(sizes):
    with pytest.raises(ValueError, match="each 256 or more"):
        make_schemes(TEXT, sizes)


@pytest.mark.parametrize("preset", ["modern", "gpt2", "micro"])
def test_facts_are_those_of_the_text_and_of_the_model(preset):
    tokenizer = BPETokenizer.train(TEXT.train, 280)
    config = GPTConfig.preset(preset, 280, **SMALL)
    facts = describe(tokenizer, TEXT, config)
    ids = tokenizer.encode(TEXT.validation)
    assert facts.vocab_size == 280
    assert facts.vocab_used == len(set(tokenizer.encode(TEXT.train)))
    assert facts.tokens_per_character * len(TEXT.validation) == pytest.approx(len(ids))
    assert facts.tokens_per_byte * len(TEXT.validation.encode()) == pytest.approx(len(ids))
    assert facts.tokens_per_byte < facts.tokens_per_character
    assert facts.unknown_share == 0
    model = GPT(config)
    assert facts.n_params == model.n_params
    tables = {id(p): p.numel() for p in (model.wte.weight, model.head.weight)}
    assert facts.embedding_share == pytest.approx(sum(tables.values()) / model.n_params)


def test_a_text_of_bytes_has_one_token_a_byte():
    facts = describe(ByteTokenizer(), TEXT)
    assert facts.tokens_per_byte == 1
    assert facts.vocab_size == 256


@pytest.mark.parametrize("preset", ["modern", "gpt2"])
def test_operations_are_those_that_torch_counts(preset):
    """Forward and backward of a batch; torch counts the whole square of scores, of which a token sees half."""
    from torch.utils.flop_counter import FlopCounterMode

    config = GPTConfig.preset(preset, 50, **SMALL, bias=False)
    model, tokens = GPT(config), torch.zeros(3, config.block_size, dtype=torch.long)
    with FlopCounterMode(display=False) as counter:
        model.loss(tokens, tokens).backward()
    half = 6 * config.n_layer * config.block_size * config.n_embd
    gains = 6 * sum(p.numel() for p in model.parameters() if p.ndim == 1)  # counted as if they were multiplied
    assert counter.get_total_flops() / tokens.numel() == pytest.approx(flops_per_token(config) + half - gains)


def test_a_uniform_model_pays_eight_bits_a_byte():
    assert bits_per_byte(ByteTokenizer(), TEXT.validation, math.log(256)) == pytest.approx(8)


@given(st.text(st.sampled_from("abcé🐈 \n"), min_size=1), st.floats(0, 10))
@settings(max_examples=50, deadline=None)
def test_without_unknown_words_it_is_all_nats_over_all_bytes(text, nats):
    for tokenizer in (ByteTokenizer(), CharTokenizer.train(text), BPETokenizer.train("abc abc", 257)):
        bits = len(tokenizer.encode(text)) * nats / math.log(2)
        assert bits_per_byte(tokenizer, text, nats) == pytest.approx(bits / len(text.encode()))


def test_unknown_words_are_spelled_out():
    tokenizer = WordTokenizer.train("the cat and the dog and the cow", 4)
    text = "the cat and the gnu"  # the, <UNK>, and, the, <UNK>
    assert bits_per_byte(tokenizer, text, 0.0) == pytest.approx(8 * len(" cat gnu") / len(text))
    more = bits_per_byte(tokenizer, text, math.log(2)) - bits_per_byte(tokenizer, text, 0.0)
    assert more == pytest.approx(5 / len(text))
    hidden = WordTokenizer.train(TEXT.train, 2)  # knows one word: nothing is gained by that
    assert bits_per_byte(hidden, TEXT.validation, 0.0) > 7
    facts = describe(hidden, TEXT)
    assert 0.9 < facts.unknown_share < 1
    unseen = CharTokenizer.train("abc", unknown=True)
    assert bits_per_byte(unseen, "ab🐈", 0.0) == pytest.approx(8 * 4 / 6)


def test_an_empty_text():
    with pytest.raises(ValueError, match="the text is empty"):
        bits_per_byte(ByteTokenizer(), "", 1.0)


def test_the_compute_is_spent_to_the_nearest_step():
    results = {}
    for name, tokenizer in make_schemes(TEXT, (280,)).items():
        model = scheme_model(tokenizer, **SMALL)
        result = results[name] = train_scheme(tokenizer, TEXT, 2e7, 0, model, QUICK)
        step = flops_per_token(model) * 4 * 8
        assert result.flops == pytest.approx(result.steps * step)
        assert abs(result.flops - 2e7) <= step / 2
        assert result.tokens == result.steps * 32
        assert result.bits_per_byte == pytest.approx(bits_per_byte(tokenizer, TEXT.validation, result.nats_per_token))
        assert result.bits_per_byte < 8
    assert results["BPE 280"].steps < results["characters"].steps  # each of its tokens costs more
    assert results["words, all"].spelled_share > 0
    assert results["bytes"].spelled_share == 0


def test_the_seed_decides():
    model = scheme_model(ByteTokenizer(), **SMALL)
    first, again, other = (train_scheme(ByteTokenizer(), TEXT, 1e7, seed, model, QUICK) for seed in (1, 1, 2))
    assert first.bits_per_byte == again.bits_per_byte != other.bits_per_byte


@pytest.mark.parametrize("compute", [0, 1e3, math.nan, math.inf])
def test_compute_for_no_step(compute):
    with pytest.raises(ValueError, match="compute must be at least one step's"):
        train_scheme(ByteTokenizer(), TEXT, compute, 0, scheme_model(ByteTokenizer(), **SMALL), QUICK)


@pytest.mark.parametrize(("name", "instead"), [("seed", "the argument seed"), ("max_steps", "the argument compute")])
def test_what_an_argument_says_the_config_may_not(name, instead):
    model = scheme_model(ByteTokenizer(), **SMALL)
    with pytest.raises(ValueError, match=f"config holds {name} = 3; leave it out, and give {instead}"):
        train_scheme(ByteTokenizer(), TEXT, 1e7, 0, model, QUICK | {name: 3})


def test_a_model_with_another_vocabulary():
    for work in (describe, lambda t, text, model: train_scheme(t, text, 1e9, model=model)):
        with pytest.raises(ValueError, match=r"vocabulary of 65, the tokenizer one of 256: make it with scheme_model"):
            work(ByteTokenizer(), TEXT, GPTConfig(65))


def test_the_recorded_comparison_in_small(tmp_path):
    source, path = tmp_path / "lines.txt", tmp_path / "schemes.csv"
    source.write_text(TEXT.text, encoding="utf-8")
    rows = compare(source, 3e6, (0, 1), path, sizes=(270,), trunk=SMALL, config=QUICK)
    lines = path.read_text(encoding="utf-8").splitlines()
    assert len(lines) == len(rows) + 1 == 6
    assert lines[0].startswith("scheme,vocab_size,vocab_used,")
    for row in rows:
        assert row["bits_per_byte"] == pytest.approx((row["seed_0"] + row["seed_1"]) / 2)
