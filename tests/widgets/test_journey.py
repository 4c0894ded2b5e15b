import base64
import doctest
import json

import numpy as np
import pytest
from traitlets import TraitError

from labkit.scalar import GameGPT
from labkit.scalar.ops import numbers, probabilities
from labkit.training import ScalarGPTRun
from labkit.widgets import TokenJourney, TrainerPanel, journey

WORDS = ["<bos>", "<eos>", "hero", "gold", "</script>"]


def small_model(**sizes):
    return GameGPT(**{"vocab_size": 5, "n_layer": 1, "n_embd": 4, "n_head": 2, "block_size": 6} | sizes)


def small_run(**options):
    return ScalarGPTRun(
        [[0, 2, 3, 1], [0, 3, 2, 1]], vocab_size=5, n_embd=4, n_head=2, block_size=6, lr=0.05, max_steps=4, **options
    )


def sent(figure):
    return np.frombuffer(figure.weights, "<f4")


def weights_of(model):
    return [p.data for p in model.params]


def test_docstring():
    results = doctest.testmod(journey)
    assert (results.attempted > 0, results.failed) == (True, 0)


def test_the_figure_holds_model_words_and_sequence():
    model = small_model()
    figure = TokenJourney(model, WORDS, (0, 2, 3), temperature=0.5, eos_id=1)
    assert sent(figure) == pytest.approx(weights_of(model), rel=1e-6)
    assert figure.sizes == {"n_layer": 1, "n_embd": 4, "n_head": 2, "block_size": 6, "vocab_size": 5}
    assert (figure.vocabulary, figure.tokens, figure.start) == (WORDS, [0, 2, 3], [0, 2, 3])
    assert (figure.temperature, figure.eos_id, figure.position) == (0.5, 1, -1)


def test_ids_may_be_numpys():
    assert TokenJourney(small_model(), WORDS, np.array([0, 2])).tokens == [0, 2]


def test_the_state_in_the_page_is_the_state_of_the_figure():
    figure = TokenJourney(small_model(), WORDS, [0, 4, 3], eos_id=1, position=1)
    html = figure.page_html()
    assert html.count("</script") == 1
    state = json.loads(html.partition('<script type="application/json">')[2].partition("</script>")[0])
    assert base64.b64decode(state.pop("weights")["base64"]) == figure.weights
    assert state == {
        "sizes": figure.sizes,
        "vocabulary": WORDS,
        "start": [0, 4, 3],
        "tokens": [0, 4, 3],
        "position": 1,
        "temperature": 1.0,
        "eos_id": 1,
    }


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"vocabulary": WORDS[:3]}, "the vocabulary has 3 tokens, the model 5"),
        ({"tokens": []}, "a sequence has 1 … 6 tokens .block_size., got 0"),
        ({"tokens": [0] * 7}, "a sequence has 1 … 6 tokens .block_size., got 7"),
        ({"tokens": [0, 5]}, "token 5 is outside the vocabulary: 0 … 4"),
        ({"tokens": [-1]}, "token -1 is outside the vocabulary"),
        ({"eos_id": 5}, "token 5 is outside the vocabulary"),
        ({"temperature": 0.0}, "the temperature must be 0.1 … 2, got 0"),
        ({"temperature": float("nan")}, "the temperature must be 0.1 … 2, got nan"),
        ({"position": 2}, "position 2 is outside the sequence: 0 … 1"),
        ({"position": -2}, "position -2 is outside the sequence"),
    ],
)
def test_errors(change, words):
    with pytest.raises(ValueError, match=words):
        TokenJourney(small_model(), **{"vocabulary": WORDS, "tokens": [0, 2]} | change)


def test_a_sequence_of_other_than_whole_numbers_is_refused():
    with pytest.raises(TypeError):
        TokenJourney(small_model(), WORDS, [0, 1.5])


@pytest.mark.parametrize(("trait", "value"), [("tokens", [9]), ("tokens", []), ("temperature", 3.0), ("position", -2)])
def test_what_cannot_be_is_refused_later_too_and_the_old_value_stays(trait, value):
    figure = TokenJourney(small_model(), WORDS, [0, 2])
    before = getattr(figure, trait)
    with pytest.raises(TraitError):
        setattr(figure, trait, value)
    assert getattr(figure, trait) == before


def test_tokens_and_temperature_can_be_set_and_the_start_stays():
    figure = TokenJourney(small_model(), WORDS, [0, 2])
    figure.tokens, figure.temperature = [0, 3, 3], 0.3
    assert (figure.tokens, figure.temperature, figure.start) == ([0, 3, 3], 0.3, [0, 2])


def test_update_sends_the_weights_again_and_nothing_else():
    model = small_model()
    figure = TokenJourney(model, WORDS, [0, 2, 3])
    figure.tokens = [0]
    heard = []
    figure.observe(lambda change: heard.append(change["name"]))
    figure.update()
    assert heard == []  # the same weights are not sent twice
    model.train_step([0, 2, 3, 1])
    figure.update()
    assert heard == ["weights"]
    assert sent(figure) == pytest.approx(weights_of(model), rel=1e-6)


def test_weights_beyond_float32_are_infinite():
    model = small_model()
    model.params[0].data = 1e300
    assert sent(TokenJourney(model, WORDS, [0]))[0] == np.inf


def test_of_a_run_it_shows_the_model_of_now():
    run = small_run()
    figure = TokenJourney(run, WORDS, [0, 2])
    fresh = figure.weights
    for _ in run:
        pass
    figure.update()
    assert sent(figure) == pytest.approx(weights_of(run.model), rel=1e-6)
    trained = figure.weights
    run.reset()  # another model object
    figure.update()
    assert figure.model is run.model
    assert figure.weights == fresh != trained


def test_a_panel_keeps_it_live():
    run = small_run()
    figure = TokenJourney(run, WORDS, [0, 2])
    panel = TrainerPanel(run, figures=[figure], key="journey")
    panel.train.click()
    assert panel.wait(30) == "done"
    assert sent(figure) == pytest.approx(weights_of(run.model), rel=1e-6)
    panel.close()


def caption_numbers(model, tokens, temperature):
    keys, values = model.new_cache()
    for position, token in enumerate(tokens):
        logits = numbers(model.forward(token, position, keys, values))
    p = probabilities(logits, temperature)
    return WORDS[p.index(max(p))], f"{100 * max(p):.0f} %"


@pytest.mark.parametrize(
    ("tokens", "position", "seen"),
    [([0, 2, 3], -1, [0, 2, 3]), ([0, 2, 3], 1, [0, 2]), ([0, 2, 1], -1, [0, 2]), ([1], -1, [1])],
    ids=["the last token", "the chosen token", "before the end", "an EOS that is also BOS"],
)
def test_the_caption_says_the_likeliest_next_token(tokens, position, seen):
    model = small_model(seed=3)
    for p in model.params:
        p.data *= 8
    figure = TokenJourney(model, WORDS, tokens, temperature=0.8, eos_id=1, position=position)
    word, percent = caption_numbers(model, seen, 0.8)
    assert figure.caption() == (
        f"One token's way through a model of {len(model.params):,} weights: after “{WORDS[seen[-1]]}” at position "
        f"{len(seen) - 1} the likeliest next token is “{word}” ({percent} at temperature 0.8)."
    )
