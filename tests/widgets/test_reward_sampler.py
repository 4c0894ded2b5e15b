import base64
import doctest
import json

import pytest
from traitlets import TraitError

from labkit.gpt import GPT, GPTConfig
from labkit.tokenizers import CharTokenizer
from labkit.widgets import PageGPT, RewardSampler, reward_sampler

CHARACTERS = CharTokenizer("\n/<>abc")


def small_model(**changes):
    sizes = {"n_layer": 1, "n_embd": 8, "n_head": 2, "block_size": 6}
    return GPT(GPTConfig.preset("modern", CHARACTERS.vocab_size, **sizes | changes))


def test_docstring():
    results = doctest.testmod(reward_sampler)
    assert (results.attempted > 0, results.failed) == (True, 0)


def test_the_state_in_the_page_is_the_state_of_the_figure():
    figure = RewardSampler.of(
        small_model(), CHARACTERS, "</", prompt="a<", stop="b", beta=2.5, n_texts=7, max_new_tokens=5, seed=9
    )
    html = figure.page_html()
    assert html.count("</script") == 1
    state = json.loads(html.partition('<script type="application/json">')[2].partition("</script>")[0])
    assert base64.b64decode(state.pop("weights")["base64"]) == PageGPT.of(small_model(), CHARACTERS).weights
    assert state == {
        "shapes": figure.shapes,
        "config": small_model().config.to_dict(),
        "vocabulary": list("\n/<>abc"),
        "prompt": [4, 2],
        "stop": 5,
        "n_texts": 7,
        "max_new_tokens": 5,
        "wanted": "</",
        "beta": 2.5,
        "seed": 9,
    }


def test_a_text_need_not_end():
    assert RewardSampler.of(small_model(), CHARACTERS, "a", stop=None, n_texts=1).page_state()["stop"] is None


def test_caption():
    caption = RewardSampler.of(small_model(), CHARACTERS, "a", about="Trained on nothing yet.").caption()
    assert caption.startswith(f"A GPT of {small_model().n_params:,} weights writes in your browser; β is added")
    assert caption.endswith("from β to β. Trained on nothing yet.")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"wanted": "az"}, "character 'z'"),
        ({"prompt": ""}, "the prompt needs at least one character"),
        ({"prompt": "z"}, "character 'z'"),
        ({"stop": "z"}, "stop must be one character that the model knows, or None, got 'z'"),
        ({"stop": ""}, "stop must be one character"),
        ({"beta": 8.5}, r"beta must be -4\.0 … 8\.0, got 8\.5"),
        ({"beta": float("nan")}, "beta must be"),
        ({"n_texts": 0}, "n_texts must be 1 … 200, got 0"),
        ({"n_texts": 201}, "n_texts must be 1 … 200, got 201"),
        ({"max_new_tokens": 0}, "max_new_tokens must be"),
        ({"seed": -1}, "seed must be 0 … 999,999, got -1"),
        ({"tokenizer": CharTokenizer("ab")}, "RewardSampler: the tokenizer has 2 tokens, the model 7"),
        ({"tokenizer": CharTokenizer("\n<abcd", unknown=True)}, "RewardSampler: each token must be one character"),
        ({"model": small_model(head="regression")}, "RewardSampler: only a causal language model"),
        ({"model": small_model(conv_width=3)}, "RewardSampler: the page computes conv_width=1 alone"),
    ],
)
def test_errors(change, words):
    with pytest.raises(ValueError, match=words):
        RewardSampler.of(**{"model": small_model(), "tokenizer": CHARACTERS, "wanted": "a"} | change)


@pytest.mark.parametrize(("trait", "value"), [("beta", 9.0), ("beta", -4.5), ("seed", -1), ("n_texts", 0)])
def test_what_cannot_be_is_refused_later_too_and_the_old_value_stays(trait, value):
    figure = RewardSampler.of(small_model(), CHARACTERS, "a")
    before = getattr(figure, trait)
    with pytest.raises(TraitError):
        setattr(figure, trait, value)
    assert getattr(figure, trait) == before
