"""GPTConfig: what it refuses and how it says so; presets; to JSON and back."""

import json

import pytest

from labkit.gpt import PRESETS, GPTConfig
from labkit.scalar.ops import RMS_EPS


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"vocab_size": 0}, "vocab_size must be a whole number of at least 1, got 0"),
        ({"n_layer": 1.5}, "n_layer must be a whole number"),
        ({"n_layer": True}, "n_layer must be a whole number"),
        ({"norm": "batchnorm"}, "norm must be one of rmsnorm, layernorm, got 'batchnorm'"),
        ({"activation": "swish"}, "activation must be one of relu, relu2, gelu"),
        ({"positions": "alibi"}, "positions must be one of learned, rope, none"),
        ({"head": "both"}, "head must be one of lm, regression, classification"),
        ({"head": ["lm"]}, "head must be one of"),
        ({"n_embd": 10, "n_head": 4}, "n_head may be 1, 2, 5, 10"),
        ({"n_embd": 6, "n_head": 2}, "RoPE turns pairs of numbers"),
        ({"dropout": 1.0}, "dropout must be at least 0 and below 1"),
        ({"dropout": "0.1"}, "dropout must be at least 0 and below 1"),
        ({"norm_eps": 0}, "norm_eps must be a positive number"),
        ({"norm_eps": None}, "norm_eps must be a positive number"),
        ({"rope_base": float("inf")}, "rope_base must be a positive number"),
        ({"init_std": -1}, "init_std must be a positive number"),
        ({"bias": "no"}, "bias must be True or False, got 'no'"),
        ({"causal": 1}, "causal must be True or False"),
        ({"head": "regression", "n_outputs": 2}, "a regression has one output"),
        ({"head": "classification"}, "n_outputs of at least 2"),
        ({"head": "classification", "n_outputs": 3, "tied": True}, "only a language-model head can be tied"),
        ({"conv_width": 0}, "conv_width must be a whole number of at least 1"),
        ({"conv_width": 3, "causal": False}, "it needs a causal model"),
        ({"n_heads": 2}, "no field n_heads; there are: vocab_size"),
    ],
)
def test_what_cannot_be_is_refused_with_what_can(changes, words):
    with pytest.raises(ValueError, match=words):
        GPTConfig.from_dict({"vocab_size": 5, "n_embd": 16} | changes)


def test_an_unknown_preset_names_the_known_ones():
    with pytest.raises(ValueError, match=r"unknown preset 'gpt3'; there are: micro, gpt2, modern"):
        GPTConfig.preset("gpt3", 5)


@pytest.mark.parametrize("values", [None, [], {"n_layer": 2}, 3])
def test_what_is_no_config_is_refused(values):
    with pytest.raises(ValueError, match="expected the fields of a config with vocab_size"):
        GPTConfig.from_dict(values)


@pytest.mark.parametrize("name", PRESETS)
def test_a_config_survives_json(name):
    config = GPTConfig.preset(name, 5, n_layer=3, n_embd=24, n_head=3)
    assert GPTConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config


def test_the_presets_are_what_their_papers_say():
    micro, gpt2, modern = (GPTConfig.preset(name, 5) for name in ("micro", "gpt2", "modern"))
    assert (micro.norm, micro.norm_gain, micro.bias, micro.activation, micro.positions) == (
        "rmsnorm",
        False,
        False,
        "relu2",
        "learned",
    )
    assert micro.norm_eps == RMS_EPS
    assert (gpt2.norm, gpt2.bias, gpt2.activation, gpt2.tied, gpt2.init_std) == ("layernorm", True, "gelu", True, 0.02)
    assert (modern.positions, modern.norm, modern.qk_norm, modern.activation) == ("rope", "rmsnorm", True, "relu2")
    assert not modern.tied
    assert modern.zero_init


def test_changed_replaces_fields_and_checks_them():
    config = GPTConfig(vocab_size=5)
    assert config.changed(n_layer=7).n_layer == 7
    with pytest.raises(ValueError, match="n_layer must be"):
        config.changed(n_layer=0)
    with pytest.raises(ValueError, match="no field layers"):
        config.changed(layers=2)
