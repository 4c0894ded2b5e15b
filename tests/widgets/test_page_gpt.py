import base64
import doctest
import json

import numpy as np
import pytest
import torch
from traitlets import TraitError

from labkit.gpt import GPT, GPTConfig
from labkit.tokenizers import CharTokenizer
from labkit.widgets import PageGPT, page_gpt

CHARACTERS = CharTokenizer("\n/<>abc")


def small_model(preset="modern", **changes):
    sizes = {"n_layer": 1, "n_embd": 8, "n_head": 2, "block_size": 6}
    return GPT(GPTConfig.preset(preset, CHARACTERS.vocab_size, **sizes | changes))


class Pairs:
    """A tokenizer of which one token is two characters."""

    vocab_size = 7

    def encode(self, text):
        return [0 for _ in text]

    def decode(self, ids):
        return "".join("ab" if i == 3 else "\nxyzuvw"[i] for i in ids)

    def to_dict(self):
        return {"type": "pairs"}


class Same(Pairs):
    """A tokenizer that gives two tokens the same text."""

    def decode(self, ids):
        return "".join("?bcdef?"[i] for i in ids)


def test_docstring():
    results = doctest.testmod(page_gpt)
    assert (results.attempted > 0, results.failed) == (True, 0)


@pytest.mark.parametrize("preset", ["modern", "micro", "gpt2"])
def test_every_weight_travels_once_as_the_half_that_torch_rounds_it_to(preset):
    model = small_model(preset)
    figure = PageGPT.of(model, CHARACTERS)
    expected = torch.cat([p.detach().half().flatten() for p in model.parameters()])  # tied ones are there once
    assert torch.equal(torch.from_numpy(np.frombuffer(figure.weights, "<f2").copy()), expected)
    assert figure.shapes == [[name, list(p.shape)] for name, p in model.named_parameters()]
    assert figure.n_params == model.n_params


def test_of_a_model_in_another_dtype():
    model = small_model()
    halves = PageGPT.of(small_model().to(torch.bfloat16), CHARACTERS)
    rounded = [p.detach().to(torch.bfloat16).half().flatten() for p in model.parameters()]
    assert np.frombuffer(halves.weights, "<f2").tolist() == torch.cat(rounded).tolist()


def test_the_state_in_the_page_is_the_state_of_the_figure():
    figure = PageGPT.of(small_model(), CHARACTERS, prompt="</a", temperature=0, top_k=3, seed=9, max_new_tokens=5)
    html = figure.page_html()
    assert html.count("</script") == 1
    state = json.loads(html.partition('<script type="application/json">')[2].partition("</script>")[0])
    assert base64.b64decode(state.pop("weights")["base64"]) == figure.weights
    assert state == {
        "shapes": figure.shapes,
        "config": small_model().config.to_dict(),
        "vocabulary": list("\n/<>abc"),
        "prompt": "</a",
        "temperature": 0,
        "top_k": 3,
        "seed": 9,
        "max_new_tokens": 5,
    }


def test_a_model_of_the_course_travels_in_some_two_bytes_a_weight():
    model = GPT(GPTConfig.preset("modern", 65, block_size=64))
    figure = PageGPT.of(model, CharTokenizer("".join(map(chr, range(32, 97)))), prompt="ROMEO:")
    assert len(figure.weights) == 2 * model.n_params
    assert len(figure.page_html()) < 2.7 * model.n_params  # base64 takes four bytes for three


def test_caption():
    figure = PageGPT.of(small_model(), CHARACTERS, about="Trained on nothing yet.")
    assert figure.caption() == (
        f"A GPT of {small_model().n_params:,} weights (1 layer, 8 wide) writes on from your prompt; your browser "
        "computes every token itself. Trained on nothing yet."
    )
    assert PageGPT.of(small_model(n_layer=2), CHARACTERS).caption().endswith("every token itself.")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"prompt": ""}, "the prompt needs at least one character"),
        ({"prompt": "abz"}, "character 'z'"),
        ({"temperature": -0.1}, r"temperature must be 0 … 2, got -0\.1"),
        ({"temperature": 2.5}, r"temperature must be 0 … 2, got 2\.5"),
        ({"temperature": float("nan")}, "temperature must be 0 … 2, got nan"),
        ({"top_k": 0}, "top_k must be 1 … 7, got 0"),
        ({"top_k": 8}, "top_k must be 1 … 7, got 8"),
        ({"seed": -1}, "seed must be 0 … 2,147,483,647, got -1"),
        ({"max_new_tokens": 0}, "max_new_tokens must be at least 1, got 0"),
        ({"about": {"loss": 1}}, "about is a sentence for the caption, got dict"),
        ({"tokenizer": CharTokenizer("ab")}, "the tokenizer has 2 tokens, the model 7"),
        ({"tokenizer": Pairs()}, "each token must be one character of its own .CharTokenizer., got 'ab'"),
        ({"tokenizer": Same()}, "got two tokens with the same text"),
    ],
)
def test_errors(change, words):
    with pytest.raises(ValueError, match=words):
        PageGPT.of(small_model(), **{"tokenizer": CHARACTERS} | change)


@pytest.mark.parametrize("changes", [{"head": "regression"}, {"causal": False}])
def test_a_model_that_does_not_write_is_refused(changes):
    with pytest.raises(ValueError, match="only a causal language model writes text, got head="):
        PageGPT.of(small_model(**changes), CHARACTERS)


def test_a_part_that_the_page_does_not_compute_is_refused():
    with pytest.raises(ValueError, match="the page computes conv_width=1 alone, got 3"):
        PageGPT.of(small_model(conv_width=3), CHARACTERS)


@pytest.mark.parametrize("value", [7e4, float("nan"), float("-inf")])
def test_a_weight_that_is_no_half_is_named(value):
    model = small_model()
    model.blocks[0].mlp.up.weight.data[3, 2] = value
    with pytest.raises(ValueError, match=r"blocks\.0\.mlp\.up\.weight holds nan, or numbers beyond ±65,504"):
        PageGPT.of(model, CHARACTERS)


@pytest.mark.parametrize(
    ("trait", "value"), [("temperature", 3.0), ("temperature", -1.0), ("top_k", 0), ("seed", -1), ("max_new_tokens", 0)]
)
def test_what_cannot_be_is_refused_later_too_and_the_old_value_stays(trait, value):
    figure = PageGPT.of(small_model(), CHARACTERS)
    before = getattr(figure, trait)
    with pytest.raises(TraitError):
        setattr(figure, trait, value)
    assert getattr(figure, trait) == before


def test_the_model_may_go_on_training():
    model = small_model()
    figure = PageGPT.of(model, CHARACTERS)
    before = figure.weights
    with torch.no_grad():
        model.wte.weight.add_(1)
    assert figure.weights == before
