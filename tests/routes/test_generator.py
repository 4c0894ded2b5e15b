"""Routes to order: valid at any temperature, as asked, completed, guided, from a file, the best of several."""

import dataclasses

import numpy as np
import pytest
import torch

from labkit.gpt import GPT, GPTConfig, load_gpt, save_gpt
from labkit.routes import Board, Hold, Placement, board_configs
from labkit.routes.best_of import best_of
from labkit.routes.generator import Generator, Wish
from labkit.routes.grades import middle
from labkit.routes.placed import PlacedGPT
from labkit.routes.reader import reader_model
from labkit.routes.rules import Rules, faults
from labkit.routes.run import route_model
from labkit.routes.tokens import RouteTokenizer
from labkit.sampling import Sampling

CONFIGS = {config.key: config for config in board_configs().values()}
RNG = np.random.default_rng(5)
BOARDS = {
    key: Board(
        CONFIGS[key], [Placement(i, float(x), float(y)) for i, (x, y) in enumerate(RNG.integers(0, 60, (20, 2)))]
    )
    for key in ("TB2", "KIL")
}
TOKENIZER = RouteTokenizer.for_boards(BOARDS.values())
RULES = Rules(max_holds=12)
SIZES = {"block_size": 24, "n_layer": 1, "n_head": 2, "n_embd": 16, "zero_init": False, "init_std": 0.5}
WISHES = [Wish(board, angle, grade) for board in BOARDS for angle in (20, 45) for grade in (0, 5, "any")]


@pytest.fixture
def generator():
    return Generator(GPT(route_model(TOKENIZER.vocab_size, **SIZES), seed=1), TOKENIZER, RULES)


@pytest.mark.parametrize("temperature", [0.0, 1.0, 100.0])
@pytest.mark.parametrize("guidance", [0.0, 1.0, 3.0])
def test_an_untrained_model_writes_valid_routes_of_what_was_asked(generator, temperature, guidance):
    routes = generator.routes(WISHES * 3, Sampling(temperature=temperature), guidance, seed=2)
    for wish, route in zip(WISHES * 3, routes, strict=True):
        assert (route.board, route.angle) == (wish.board, wish.angle)
        assert faults(route.holds, BOARDS[route.board], RULES) == []
        assert route.difficulty == (None if wish.grade == "any" else middle(wish.grade))


def test_without_the_grammar_it_says_what_is_wrong(generator):
    free = generator.write(WISHES, constrained=False, seed=0)
    assert any(written.route is None for written in free)  # it is untrained
    for written in free:
        assert (written.route is None) == bool(written.problem)
        if written.route is not None:
            assert faults(written.route.holds, BOARDS[written.wish.board], RULES) == []


def test_required_holds_are_in_every_route(generator):
    wanted = (Hold(3, "start"), Hold(7, "middle"), Hold(9, "finish"))
    wishes = [Wish("TB2", 40, 4, wanted), Wish("TB2", 40, 4), Wish("KIL", 30, 2, wanted[:1])]
    routes = generator.routes(wishes * 4, Sampling(temperature=2.0), seed=1)
    for wish, route in zip(wishes * 4, routes, strict=True):
        assert set(wish.holds) <= set(route.holds)
        assert faults(route.holds, BOARDS[route.board], RULES) == []


def test_the_seed_says_it_all(generator):
    first, again, other = (generator.routes(WISHES, seed=seed) for seed in (4, 4, 5))
    assert first == again != other


def test_more_than_fit_into_one_batch(generator, monkeypatch):
    monkeypatch.setattr("labkit.routes.generator.TOGETHER", 5)
    routes = generator.routes([Wish("TB2", 40, 3)] * 12, seed=0)
    assert len(routes) == 12
    assert len(set(routes)) > 8  # the batches draw from seeds of their own


def test_guidance_is_what_the_paper_says(generator):
    """Greedy, against logits that are put together here: a + s · (l - a) for every token in turn."""
    model, grammar = generator.model, generator._grammar("TB2", ())
    for s in (0.0, 0.5, 1.0, 4.0):
        (written,) = generator.write([Wish("TB2", 40, 7)], Sampling(temperature=0), s)
        row = list(TOKENIZER.prompt("TB2", 40, 7))
        blind = list(TOKENIZER.prompt("TB2", 40, "any"))
        while row[-1] != TOKENIZER.ids["<EOS>"]:
            with torch.no_grad():
                told, untold = (model(torch.tensor([ids]))[0, -1] for ids in (row, blind))
            logits = untold + s * (told - untold)
            allowed = grammar.allowed(row)
            token = int(allowed[logits[allowed].argmax()])
            row.append(token)
            blind.append(token)
        assert written.ids == tuple(row)


def test_a_generator_is_a_file(generator, tmp_path):
    generator.about["simulated"] = True
    path = generator.save(tmp_path / "generator.safetensors")
    again = Generator.load(path)
    assert again.routes(WISHES, seed=3) == generator.routes(WISHES, seed=3)
    assert (again.rules, again.about) == (RULES, {"simulated": True})
    assert load_gpt(path)[1] == TOKENIZER


def test_what_is_told_of_holds_is_written_into_the_file(tmp_path):
    told = PlacedGPT(route_model(TOKENIZER.vocab_size, **SIZES), TOKENIZER, seed=1).half()
    generator = Generator(told, TOKENIZER, RULES)
    path = generator.save(tmp_path / "generator.safetensors")
    assert torch.equal(Generator.load(path).model.wte.weight, told.table().detach().float())
    assert load_gpt(path)[0].wte.weight.dtype == torch.float16


def test_weights_in_16_bits_are_read_as_32(generator, tmp_path):
    generator.model.half()
    again = Generator.load(generator.save(tmp_path / "generator.safetensors"))
    assert again.model.wte.weight.dtype == torch.float32


def test_a_file_of_something_else_is_refused(generator, tmp_path):
    text = save_gpt(tmp_path / "text.safetensors", GPT(GPTConfig.preset("modern", 9, n_layer=1, n_embd=8, n_head=2)))
    with pytest.raises(ValueError, match="not of routes") as error:
        Generator.load(text)
    assert str(text) in str(error.value)
    long = save_gpt(tmp_path / "long.safetensors", generator.model, TOKENIZER, {"rules": {"max_holds": 40}})
    with pytest.raises(
        ValueError, match=r"long.safetensors: a route on board TB2 may have 25 tokens, the model reads 24"
    ):
        Generator.load(long)


@pytest.mark.parametrize(
    ("wish", "words"),
    [
        (Wish("MOON", 40, 3), "no board 'MOON'"),
        (Wish("TB2", 41, 3), "got 41"),
        (Wish("TB2", 40.0, 3), "got 40.0"),
        (Wish("TB2", 40, None), 'a V grade, or "any"; got None'),
        (Wish("TB2", 40, 17), "got 17"),
        (Wish("TB2", 40, 3, (Hold(99, "start"),)), "no placement 99"),
        (Wish("TB2", 40, 3, tuple(Hold(i, "start") for i in range(3))), "at most 2 holds to start"),
    ],
)
def test_wishes_that_cannot_be_are_refused(generator, wish, words):
    with pytest.raises(ValueError, match=words):
        generator.routes([Wish("TB2", 40, 3), wish])


def test_what_else_is_refused(generator):
    with pytest.raises(ValueError, match="need the grammar"):
        generator.write([Wish("TB2", 40, 3, (Hold(1, "start"),))], constrained=False)
    with pytest.raises(ValueError, match="guidance must be"):
        generator.write([Wish("TB2", 40, 3)], guidance=float("nan"))
    with pytest.raises(ValueError, match="knows 9 tokens"):
        Generator(GPT(route_model(9, **SIZES)), TOKENIZER)
    with pytest.raises(ValueError, match="a causal language model; this one is for reading"):
        Generator(GPT(reader_model(TOKENIZER.vocab_size, **SIZES)), TOKENIZER)


class Ruler:
    """Reads as difficulty how many holds there are: a reader that can be checked by counting."""

    def predict(self, routes):
        return np.array([10.0 + len(route.holds) for route in routes])


def test_the_best_of_n_is_the_nearest_of_the_same_n(generator):
    wishes = [wish for wish in WISHES if wish.grade != "any"]
    chosen = best_of(generator, Ruler(), wishes, 6, seed=7, doubt=0)
    drawn = generator.routes([wish for wish in wishes for _ in range(6)], seed=7)
    for i, (wish, route) in enumerate(zip(wishes, chosen, strict=True)):
        own = drawn[6 * i : 6 * i + 6]
        off = [abs(10.0 + len(each.holds) - middle(wish.grade)) for each in own]
        best = own[off.index(min(off))]
        assert route == dataclasses.replace(best, difficulty=10.0 + len(best.holds))


def test_surprise_is_torchs_cross_entropy_of_each_route_alone(generator):
    written = generator.write(WISHES, guidance=2.0, seed=3)
    for each, found in zip(written, generator.surprise(written), strict=True):
        ids = torch.tensor(each.ids)
        with torch.no_grad():
            nats = torch.nn.functional.cross_entropy(generator.model(ids[None, :-1])[0, 3:], ids[4:])
        assert found == pytest.approx(nats.item(), rel=1e-4)


def test_great_doubt_takes_what_surprises_least(generator):
    wishes = [Wish("TB2", 40, 4), Wish("KIL", 20, 1)]
    chosen = best_of(generator, Ruler(), wishes, 5, seed=7, doubt=1e9)
    drawn = generator.write([wish for wish in wishes for _ in range(5)], seed=7)
    for i, route in enumerate(chosen):
        own = drawn[5 * i : 5 * i + 5]
        assert route.holds == own[int(generator.surprise(own).argmin())].route.holds


def test_best_of_any_grade_takes_the_first(generator):
    (route,) = best_of(generator, Ruler(), [Wish("TB2", 40)], 3, seed=1)
    first = generator.routes([Wish("TB2", 40)] * 3, seed=1)[0]
    assert route.holds == first.holds
    with pytest.raises(ValueError, match="at least 1, got 0"):
        best_of(generator, Ruler(), [Wish("TB2", 40)], 0)
    with pytest.raises(ValueError, match="doubt is 0 or more, got nan"):
        best_of(generator, Ruler(), [Wish("TB2", 40)], 2, doubt=float("nan"))
