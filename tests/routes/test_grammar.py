"""The grammar: its language is that of the rules, found by other means; nothing it allows leads nowhere."""

import itertools

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from labkit.gpt import GPT, GPTConfig
from labkit.routes import ROLES, Hold
from labkit.routes.grammar import Grammar
from labkit.routes.rules import Rules, faults_of_ids, is_valid
from labkit.routes.tokens import RouteTokenizer, canonical
from labkit.sampling import Sampling, generate, probabilities
from labkit.sampling.draws import pick

from .boards import board, boards, routes


def language(grammar, prompt):
    """All that the grammar lets be written after a prompt; a dead end would raise an error."""
    done, going = [], [list(prompt)]
    while going:
        row = going.pop()
        for token in grammar.allowed(row).tolist():
            longer = [*row, token]
            (done if grammar.tokenizer.names[token] == "<EOS>" else going).append(longer)
    return done


def all_routes(on, rules, required):
    """All valid routes, by trying every role, or none, for every hold."""
    for roles in itertools.product([None, *ROLES], repeat=len(on.placements)):
        holds = [Hold(p, role) for p, role in zip(on.placements, roles, strict=True) if role]
        if set(required) <= set(holds) and is_valid(holds := canonical(holds, on), on, rules):
            yield holds


@st.composite
def limits(draw, size):
    low, high = sorted((draw(st.integers(2, size)), draw(st.integers(2, size + 2))))
    return Rules(low, high)


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_its_language_is_exactly_the_valid_routes(data):
    on = data.draw(boards(2, 4))
    rules = data.draw(limits(len(on.placements)))
    tokenizer = RouteTokenizer([on])
    any_hold = st.builds(Hold, st.sampled_from(sorted(on.placements)), st.sampled_from(ROLES))
    some = data.draw(st.lists(any_hold, max_size=3))
    expected = set(all_routes(on, rules, some))
    try:
        grammar = Grammar(tokenizer, rules, required=some)
    except ValueError:
        assert not expected
        return
    prompt = tokenizer.prompt(on.key, 20, 3)
    found = language(grammar, prompt)
    assert len(set(map(tuple, found))) == len(found)
    assert {tokenizer.decode_route(ids).holds for ids in found} == expected
    assert all(len(ids) <= grammar.longest for ids in found)


def write(grammar, prompts, spread, temperature, seed):
    """What a model of any logits writes: `generate` without the model."""
    rng = torch.Generator().manual_seed(seed)
    rows, tokenizer = [list(prompt) for prompt in prompts], grammar.tokenizer
    for _ in range(grammar.longest):
        for length in {len(row) for row in rows}:
            some = [row for row in rows if len(row) == length]
            logits = spread * torch.randn(len(some), tokenizer.vocab_size + 5, generator=rng)
            shares = probabilities(grammar(torch.tensor(some), logits), Sampling(temperature))
            points = torch.rand(len(some), generator=rng).tolist()
            for row, token in zip(some, pick(shares, points), strict=True):
                row.append(token)
    return rows


@settings(max_examples=40, deadline=None)
@given(st.data(), st.sampled_from([0.0, 1e-6, 1.0, 1e6]), st.sampled_from([0.0, 1.0, 1e4, 1e30]), st.integers(0, 99))
def test_whatever_the_logits_and_the_temperature_rows_are_valid(data, temperature, spread, seed):
    """Rows begin anywhere in a route of either board, the first with <BOS> alone; so a batch has rows in all states."""
    both = [data.draw(boards(4, 30)), data.draw(boards(4, 9, "KIL"))]
    tokenizer = RouteTokenizer(both)
    rules = data.draw(limits(min(len(on.placements) for on in both)))
    prompts = [[tokenizer.ids["<BOS>"]]]
    for on in both:
        for route in data.draw(st.lists(routes(on, rules.min_holds, rules.max_holds), max_size=3)):
            ids = tokenizer.encode_route(route, grade="any")
            prompts.append(ids[: data.draw(st.integers(1, len(ids)))])
    rows = write(Grammar(tokenizer, rules), prompts, spread, temperature, seed)
    for row, prompt in zip(rows, prompts, strict=True):
        assert row[: len(prompt)] == prompt
        assert faults_of_ids(row, tokenizer, rules) == []


@settings(max_examples=40, deadline=None)
@given(st.data(), st.floats(0.01, 100), st.integers(0, 99))
def test_a_route_is_completed_from_any_of_its_holds(data, temperature, seed):
    on = data.draw(boards(4, 30))
    route = data.draw(routes(on))
    given = data.draw(st.lists(st.sampled_from(route.holds), unique=True))
    rules = Rules(2, data.draw(st.integers(len(route.holds), 40)))
    tokenizer = RouteTokenizer([on])
    ids = tokenizer.encode_route(route, grade="any")
    grammar = Grammar(tokenizer, rules, required=given)
    prompts = [ids[:4], ids[: data.draw(st.integers(4, len(ids)))]]
    for row in write(grammar, prompts, 1.0, temperature, seed):
        assert faults_of_ids(row, tokenizer, rules) == []
        assert set(given) <= set(tokenizer.decode_route(row).holds)


@settings(max_examples=60, deadline=None)
@given(st.data(), st.integers(0, 99))
def test_what_passes_over_a_required_hold_is_given_to_it(data, seed):
    """Nothing of the model's "go on" is lost: the next required hold gets it, all other logits stay."""
    on = data.draw(boards(4, 12))
    route = data.draw(routes(on))
    given = canonical(data.draw(st.lists(st.sampled_from(route.holds), unique=True, min_size=1)), on)
    tokenizer, rules = RouteTokenizer([on]), Rules(2, 40)
    ids = tokenizer.encode_route(route, grade="any")
    row = torch.tensor([ids[: data.draw(st.integers(4, len(ids) - 1))]])
    logits = torch.randn(1, tokenizer.vocab_size, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    before = logits.clone()
    bound, free = Grammar(tokenizer, rules, required=given)(row, logits), Grammar(tokenizer, rules)(row, logits)
    assert torch.equal(logits, before)
    waiting = [h for h in given if h not in tokenizer.decode_route(row[0].tolist()).holds]
    changed = (bound.isfinite() & (bound != before))[0].nonzero().flatten().tolist()
    if not waiting:
        assert torch.equal(bound, free)
        return
    token = tokenizer.ids[f"<{on.key}_p{waiting[0].placement}_{waiting[0].role}>"]
    assert set(changed) <= {token}
    if bound[0, token].isfinite():  # a finish cannot wait for itself before there is a start
        torch.testing.assert_close(bound.logsumexp(1), free.logsumexp(1))


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_every_valid_route_is_accepted(data):
    on = data.draw(boards(3, 20))
    route = data.draw(routes(on))
    assert is_valid(route.holds, on, Rules(2))
    tokenizer = RouteTokenizer([on, board(key="KIL")])
    ids = tokenizer.encode_route(route, grade="any")
    required = data.draw(st.lists(st.sampled_from(route.holds), unique=True))
    for grammar in (Grammar(tokenizer, Rules(2)), Grammar(tokenizer, Rules(2), on.key, required)):
        for i, token in enumerate([*ids, tokenizer.ids["<PAD>"]]):
            assert token in grammar.allowed(ids[:i])


@pytest.mark.parametrize("temperature", [0.0, 0.7, 50.0])
def test_with_a_model_whose_weights_are_random(temperature):
    boards = [board(30), board(25, "KIL")]
    tokenizer, rules = RouteTokenizer(boards), Rules(3, 12)
    grammar = Grammar(tokenizer, rules)
    size = {"block_size": grammar.longest, "n_layer": 1, "n_head": 2, "n_embd": 16}
    model = GPT(GPTConfig.preset("gpt2", tokenizer.vocab_size, **size), seed=0)
    prompts = [tokenizer.prompt(on.key, 15, grade) for on in boards for grade in (0, 5, "any")]
    prompts += [[tokenizer.ids["<BOS>"]]] * 3
    stop = [tokenizer.ids["<EOS>"]]
    written = generate(model, prompts, grammar.longest, Sampling(temperature), stop, 0, grammar)
    for prompt, new in zip(prompts, written, strict=True):
        assert faults_of_ids(prompt + new, tokenizer, rules) == []
    free = generate(model, prompts, grammar.longest, Sampling(temperature), stop, 0)
    assert all(faults_of_ids(p + new, tokenizer, rules, strict=False) for p, new in zip(prompts, free, strict=True))


def test_what_may_come_by_hand():
    tokenizer = RouteTokenizer([board(3)])
    after = lambda text, **how: tokenizer.decode(Grammar(tokenizer, **how).allowed(tokenizer.encode(text)))  # noqa: E731
    header = "<BOS> <BOARD_TB2> <ANGLE_15> <GRADE_V2>"
    assert after("") == "<BOS>"
    assert after("<BOS>") == "<BOARD_TB2>"
    assert after("<BOS> <BOARD_TB2>") == "<ANGLE_0> <ANGLE_5> <ANGLE_10> <ANGLE_15> <ANGLE_20>"
    assert len(after("<BOS> <BOARD_TB2> <ANGLE_0>").split()) == 18
    assert after(header) == "<TB2_p100_start> <TB2_p101_start> <TB2_p102_start>"
    # A route has three holds at least, so after the hold in the middle, only one above it can be a middle hold.
    assert after(f"{header} <TB2_p100_start>") == (
        "<TB2_p101_start> <TB2_p102_start> <TB2_p101_middle> <TB2_p102_middle> <TB2_p101_foot> <TB2_p102_foot> "
        "<TB2_p101_finish>"
    )
    assert after(f"{header} <TB2_p101_start> <TB2_p102_middle>") == "<TB2_p100_finish>"
    # With one required, no room is left for others.
    given = [Hold(101, "foot")]
    assert after(header, required=given) == "<TB2_p100_start> <TB2_p102_start>"
    assert after(f"{header} <TB2_p102_start>", required=given) == "<TB2_p101_foot>"
    assert after(f"{header} <TB2_p102_start> <TB2_p101_foot> <TB2_p100_finish>", required=given) == "<EOS>"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<EOS>", "<EOS> cannot come at position 0"),
        ("<BOS> <BOARD_TB2> <ANGLE_25>", "<ANGLE_25> cannot come at position 2"),
        ("<BOS> <BOARD_KIL> <ANGLE_15> <GRADE_V1>", "<BOARD_KIL> cannot come"),
        ("{} <TB2_p100_middle>", "<TB2_p100_middle> cannot come at position 4"),
        ("{} <TB2_p101_start> <TB2_p100_start>", "<TB2_p100_start> cannot come"),
        ("{} <TB2_p101_start> <TB2_p103_middle> <TB2_p102_foot>", "<TB2_p102_foot> cannot come"),
        ("{} <TB2_p101_start> <TB2_p101_foot>", "<TB2_p101_foot> cannot come"),
        ("{} <TB2_p101_start> <TB2_p102_start> <TB2_p103_start>", "<TB2_p103_start> cannot come"),
        ("{} <TB2_p101_start> <KIL_p102_foot>", "<KIL_p102_foot> cannot come"),
        ("{} <TB2_p101_start> <UNK>", "<UNK> cannot come"),
        ("{} <TB2_p101_start> <EOS>", "<EOS> cannot come"),
        ("{} <TB2_p101_start> <TB2_p107_start>", "<TB2_p107_start> cannot come"),
        ("{} <TB2_p101_start> <TB2_p106_middle>", "no route that the grammar allows begins with .*p106_middle"),
        ("{} <TB2_p101_start> <TB2_p104_finish>", "no route that the grammar allows"),
        ("{} <TB2_p101_start> <TB2_p102_foot> <TB2_p103_foot> <TB2_p104_foot>", "no route that the grammar allows"),
    ],
)
def test_prompts_that_no_route_begins_with(text, message):
    tokenizer = RouteTokenizer([board(), board(key="KIL", max_angle=25)])
    grammar = Grammar(tokenizer, Rules(3, 5), "TB2", [Hold(105, "middle"), Hold(107, "finish")])
    with pytest.raises(ValueError, match=message):
        grammar.allowed(tokenizer.encode(text.format("<BOS> <BOARD_TB2> <ANGLE_15> <GRADE_V1>")))


def test_what_can_be_no_grammar():
    tokenizer = RouteTokenizer([board(), board(key="KIL")])
    one = RouteTokenizer([board()])
    with pytest.raises(ValueError, match=r"no board 'MB'.*TB2, KIL"):
        Grammar(tokenizer, board="MB")
    with pytest.raises(ValueError, match="need one board: pass board= TB2 or KIL"):
        Grammar(tokenizer, required=[Hold(100, "start")])
    with pytest.raises(ValueError, match="a placement twice"):
        Grammar(one, required=[Hold(100, "start"), Hold(101, "foot"), Hold(100, "foot")])
    with pytest.raises(ValueError, match="at most 2 holds to start, 3 are required"):
        Grammar(one, required=[Hold(100 + i, "start") for i in range(3)])
    with pytest.raises(ValueError, match="no placement 99"):
        Grammar(one, required=[Hold(99, "start")])
    with pytest.raises(ValueError, match="3 required holds, a start, a finish and at most 4"):
        Grammar(one, Rules(2, 4), required=[Hold(100 + i, "foot") for i in range(3)])
    with pytest.raises(ValueError, match="has 8 holds, min_holds is 9"):
        Grammar(one, Rules(9, 10))
    with pytest.raises(ValueError, match="the model has 7 tokens"):
        Grammar(one)(torch.tensor([[2]]), torch.zeros(1, 7))
    for wrong in ((1, 5), (5, 4), (2.0, 5), (True, 5)):
        with pytest.raises(ValueError, match="holds is"):
            Rules(*wrong)
