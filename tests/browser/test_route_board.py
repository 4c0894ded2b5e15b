"""The board in the page, from disk with the network off: its grammar, its model and its judge against Python's."""

import base64
import random

import numpy as np
import pytest
import torch

from labkit.gpt import GPT
from labkit.routes import ROLES, Hold, parse_frames
from labkit.routes.climber import difficulty
from labkit.routes.generator import Generator, Wish
from labkit.routes.grammar import Grammar
from labkit.routes.rules import Rules, faults
from labkit.routes.run import route_model
from labkit.routes.setter import simulate
from labkit.routes.simulated import simulated_board
from labkit.routes.tokens import RouteTokenizer, canonical
from labkit.sampling import Sampling
from labkit.widgets import RouteBoard
from labkit.widgets.figure import module_source

pytestmark = pytest.mark.browser

BOARDS = [simulated_board("tension"), simulated_board("kilter")]
TOKENIZER = RouteTokenizer(BOARDS)
MIDDLE, FOOT, START, FINISH = Hold(540, "middle"), Hold(330, "foot"), Hold(420, "start"), Hold(760, "finish")


@pytest.fixture(scope="module")
def generator():
    """Untrained, but no weight of it is zero and some tokens are much likelier; its weights are halves."""
    model = GPT(route_model(TOKENIZER.vocab_size, n_layer=2, n_embd=24, n_head=2, zero_init=False, init_std=0.4))
    with torch.no_grad():
        for p in model.parameters():
            p.copy_(p.half())
    return Generator(model.eval(), TOKENIZER, Rules(4, 16))


IN_PAGE = """async ([source, state, act, argument]) => {
    const it = await import(`data:text/javascript;base64,${source}`);
    const bytes = state.weights && Uint8Array.from(atob(state.weights.base64), (c) => c.charCodeAt(0));
    const numbers = bytes && it.halves(new DataView(bytes.buffer));
    const minds = bytes && [0, 1].map(() => it.gpt(state.config, state.shapes, numbers));
    const board = (key) => state.boards.find((board) => board.key === key);
    return eval(act)({ it, state, minds, board }, argument);
}"""


def in_page(page, figure, act, argument, weights=True):
    """What the function `act` of ({ it, state, minds, board }, argument) returns in the page."""
    state = figure.page_state()
    source = base64.b64encode(module_source("route_board").encode()).decode()
    return page.evaluate(IN_PAGE, [source, state if weights else state | {"weights": None}, f"({act})", argument])


def ids_in_page(figure, ids):
    place = {token: i for i, token in enumerate(figure.kept_tokens)}
    return [place[int(token)] for token in ids]


def as_page(holds):
    return [{"place": hold.placement, "role": hold.role} for hold in holds]


ALLOWED = """({ it, state, board }, cases) => cases.map(([key, rules, required, rows]) => {
    const { allowed } = it.routeGrammar(state.vocabulary, rules, board(key), required);
    return rows.map((row) => [...allowed(row)].sort((a, b) => a - b).join(" "));
})"""


def test_what_is_allowed_is_what_pythons_grammar_allows(page, generator):
    rng = random.Random(0)
    figure = RouteBoard(generator)
    cases, expected = [], []
    for _ in range(14):
        board = rng.choice(BOARDS)
        rules = Rules(*rng.choice([(3, 40), (2, 6), (5, 9), (8, 8)]))
        required = []
        for place in rng.sample(sorted(board.placements), rng.choice([0, 0, 1, 2, 3])):
            required.append(Hold(place, rng.choice(ROLES)))
        if sum(hold.role == "start" for hold in required) > 2 or sum(hold.role == "finish" for hold in required) > 2:
            continue
        grammar = Grammar(TOKENIZER, rules, board.key, required)
        row, rows = [], []
        while True:
            ids = sorted(ids_in_page(figure, allowed := grammar.allowed(row)))
            rows.append((ids_in_page(figure, row), " ".join(map(str, ids))))
            if row and row[-1] == TOKENIZER.ids["<PAD>"]:
                break
            low = allowed[allowed <= allowed.min() + 300]  # from the lowest rows up: longer routes
            row = [*row, int(rng.choice(low if rng.random() < 0.8 else allowed))]
        rules = {"min_holds": rules.min_holds, "max_holds": rules.max_holds}
        cases.append([board.key, rules, as_page(required), [row for row, _ in rows]])
        expected.append([ids for _, ids in rows])
    answer = in_page(page, figure, ALLOWED, cases, weights=False)
    assert answer == expected
    assert sum(map(len, expected)) > 100


WRITE = """({ it, state, minds, board }, wishes) => wishes.map(([key, wish]) => {
    const seen = [];
    const pick = (logits) => {
        seen.push([...logits].filter(Number.isFinite));
        return it.choose(logits, 0, logits.length, null);
    };
    const { hold } = it.holdTokens(board(key));
    const steps = it.writeRoute(minds, state.vocabulary, state.rules, board(key), wish, pick);
    return [[...steps].map((token) => { const { place, role } = hold(token); return [place, role]; }), seen];
})"""


@pytest.mark.parametrize("boards", [None, ["KIL"]])
def test_greedy_routes_and_their_logits_are_pythons(page, generator, boards, monkeypatch):
    figure = RouteBoard(generator, boards)
    wishes = [
        *(Wish("KIL", 55, 0), Wish("KIL", 20, "any"), Wish("KIL", 40, 16), Wish("KIL", 5, 7, (Hold(1400, "middle"),))),
        *(Wish("TB2", 40, 6), Wish("TB2", 0, 3, (MIDDLE, FINISH, START)), Wish("TB2", 50, 10, (FOOT,))),
    ]
    said = []
    masked = Grammar.__call__

    def note(self, ids, logits):
        found = masked(self, ids, logits)
        said.append(found[0][ids_of_shown].tolist())
        return found

    monkeypatch.setattr(Grammar, "__call__", note)
    ids_of_shown = figure.kept_tokens
    for guidance in (1.0, 2.5):
        shown = [wish for wish in wishes if boards is None or wish.board in boards]
        argument = [
            [w.board, {"angle": w.angle, "grade": w.grade, "guidance": guidance, "required": as_page(w.holds)}]
            for w in shown
        ]
        for wish, (holds, logits) in zip(shown, in_page(page, figure, WRITE, argument), strict=True):
            said.clear()
            (route,) = generator.routes([wish], Sampling(temperature=0), guidance)
            assert tuple(Hold(*hold) for hold in holds) == route.holds, wish
            assert set(wish.holds) <= set(route.holds)
            assert len(logits) == len(said) == len(holds) + 1
            for here, there in zip(logits, said, strict=True):
                there = [value for value in there if np.isfinite(value)]
                np.testing.assert_allclose(here, there, atol=1e-3)


JUDGE = "({ it, board }, routes) => routes.map(([key, holds, angle]) => it.difficulty(board(key), holds, angle))"


def test_the_page_judges_as_the_simulated_climber_does(page):
    figure = RouteBoard(boards=BOARDS)
    by_key = {board.key: board for board in BOARDS}
    rng = random.Random(1)
    routes = [(route.board, route.holds, route.angle) for route in simulate(BOARDS, 150, 3)]
    for _ in range(50):  # of no sense, so that rings must be opened
        board = rng.choice(BOARDS)
        places = rng.sample(sorted(board.placements), 9)
        roles = ["start", "finish", "finish", *rng.choices(["middle", "foot", "start"], k=6)]
        routes.append((board.key, tuple(map(Hold, places, roles)), 5 * rng.randrange(11)))
    expected = [difficulty(by_key[key], holds, angle) for key, holds, angle in routes]
    answer = in_page(page, figure, JUDGE, [[key, as_page(holds), angle] for key, holds, angle in routes], weights=False)
    np.testing.assert_allclose(answer, expected, atol=1e-9)


# -- the figure


@pytest.fixture
def open_board(figure_page, generator):
    def opened(width=1000, theme="light", **settings):
        figure = RouteBoard(generator, **{"board": "TB2", "angle": 40, "grade": 5} | settings)
        options = {"reduced_motion": "reduce", "has_touch": width < 500}
        return figure_page(figure, width, theme, ready=".lb-rb-dots circle", **options)

    return opened


def press(page, name):
    page.get_by_role("button", name=name).click()


def write(page, name="Write a route"):
    press(page, name)
    page.get_by_role("button", name="Write a route").wait_for()
    return on_board(page)


def on_board(page):
    """The holds that the frames say; they are those that are drawn."""
    text = page.locator(".lb-rb-frames").text_content()
    shown = page.locator(".lb-rb-hold").evaluate_all("all => all.map((it) => [+it.dataset.place, it.dataset.role])")
    key = page.locator("select").input_value() if page.locator("select").count() else "TB2"
    board = next(board for board in BOARDS if board.key == key)
    holds = parse_frames(text, board.config) if text else ()
    assert [Hold(*hold) for hold in shown] == list(holds)
    return holds


def click_hold(page, placement, board=BOARDS[0], tap=False):
    at, window = board.placements[placement], board.config.window
    wall = page.locator(".lb-rb-wall")
    left, top, width, height = wall.evaluate("it => it.viewBox.baseVal && [it.viewBox.baseVal.x, it.viewBox.baseVal.y,"
                                             " it.viewBox.baseVal.width, it.viewBox.baseVal.height]")  # fmt: skip
    box = wall.bounding_box()
    y = window.top + window.bottom - at.y
    act = wall.tap if tap else wall.click
    act(position={"x": (at.x - left) / width * box["width"], "y": (y - top) / height * box["height"]})


def fact(page, name):
    return page.locator(f"dt:text-is('{name}') + dd").text_content()


def set_range(page, name, value):
    page.get_by_role("slider", name=name).fill(str(value))


def test_routes_are_valid_and_follow_board_sliders_and_seed(open_board, generator):
    page = open_board()
    first = write(page)
    assert faults(first, BOARDS[0], generator.rules) == []
    assert fact(page, "asked for") == "V5 at 40°"
    assert fact(page, "lacks") == "nothing"
    judged = difficulty(BOARDS[0], first, 40)
    assert f"(difficulty {judged:.1f})" in fact(page, "simulated climber")
    assert write(page) != first  # the next seed
    assert page.get_by_role("spinbutton", name="seed").input_value() == "2"
    page.get_by_role("spinbutton", name="seed").fill("1")
    assert write(page) == first
    # Each slider is heard: greedy, the route is Python's for that wish.
    set_range(page, "temperature", 0)
    set_range(page, "grade", 9)
    set_range(page, "guidance", 3)
    page.get_by_role("combobox", name="board").select_option("KIL")
    assert on_board(page) == ()
    set_range(page, "angle", 55)
    expected = generator.routes([Wish("KIL", 55, 9)], Sampling(temperature=0), 3.0)[0].holds
    assert write(page) == expected
    assert fact(page, "asked for") == "V9 at 55°"
    set_range(page, "grade", -1)
    assert page.get_by_role("slider", name="grade").get_attribute("aria-valuetext") == "any"
    assert write(page) == generator.routes([Wish("KIL", 55)], Sampling(temperature=0))[0].holds
    page.get_by_role("combobox", name="board").select_option("TB2")
    assert page.get_by_role("slider", name="angle").input_value() == "50"  # it is not as steep


def test_clicks_go_through_the_roles_and_complete_keeps_them(open_board, generator):
    page = open_board(temperature=0.0)
    press(page, "Complete")
    assert "Click the holds" in page.get_by_role("status").text_content()
    seen = []
    for _ in range(5):
        click_hold(page, MIDDLE.placement)
        seen.append([role for _, role in on_board(page)])
    assert seen == [["middle"], ["foot"], ["start"], ["finish"], []]
    page.locator(".lb-rb-role", has_text="start").click()
    for place in (START.placement, 425, 431):
        click_hold(page, place)
    page.locator(".lb-rb-role", has_text="next").click()
    click_hold(page, MIDDLE.placement)
    press(page, "Complete")
    assert "at most 2 holds to start; 3 are set" in page.get_by_role("status").text_content()
    page.locator(".lb-rb-role", has_text="start").click()
    for place in (425, 431):
        click_hold(page, place)
    assert fact(page, "lacks") == "a finish, another hold"
    whole = write(page, "Complete")
    (route,) = generator.routes([Wish("TB2", 40, 5, (START, MIDDLE))], Sampling(temperature=0))
    assert whole == route.holds
    assert {START, MIDDLE} <= set(whole)
    assert page.locator(".lb-rb-mine").count() == 2
    assert write(page, "Complete") == whole  # only what was clicked is kept: completed again, not longer and longer
    press(page, "Mirror")
    twins = {hold.id: hold.mirror for hold in BOARDS[0].placements.values()}
    assert on_board(page) == canonical((Hold(twins[place], role) for place, role in whole), BOARDS[0])
    frames = page.locator(".lb-rb-frames").text_content()
    press(page, "Copy")
    page.get_by_role("button", name="Copied").wait_for()
    press(page, "Clear")
    assert on_board(page) == ()
    page.evaluate("() => document.body.append(document.createElement('textarea'))")
    page.locator("textarea").press("Control+V")
    assert page.locator("textarea").input_value() == frames


def test_a_route_comes_hold_by_hold_and_can_be_stopped(figure_page, generator):
    page = figure_page(RouteBoard(generator, ["TB2"]), ready=".lb-rb-dots circle")
    page.clock.install(time=0)
    page.clock.pause_at(60_000)  # ms; from here on time stands still but for run_for
    press(page, "Write a route")
    first = on_board(page)
    page.clock.run_for(100)
    second = on_board(page)
    assert (len(first), second[:1], len(second)) == (1, first, 2)
    press(page, "Stop")
    page.clock.run_for(5000)
    assert on_board(page) == second
    press(page, "Write a route")
    page.clock.run_for(5000)
    assert faults(on_board(page), BOARDS[0], generator.rules) == []


def test_it_works_by_keyboard(open_board):
    page = open_board(boards=["TB2"])
    page.keyboard.press("Tab")
    assert page.evaluate("() => document.activeElement.getAttribute('role')") == "application"
    for key in ("ArrowUp", "ArrowRight", "ArrowRight", "Enter", "Enter"):
        page.keyboard.press(key)
    ((place, role),) = on_board(page)
    lowest = min(BOARDS[0].placements.values(), key=lambda hold: (hold.y, hold.x))
    at = BOARDS[0].placements[place]
    assert (role, at.y > lowest.y, at.x > lowest.x + 8) == ("foot", True, True)
    assert f"hold {place} " in page.locator("[aria-live=polite]").text_content()
    page.keyboard.press("Delete")
    assert on_board(page) == ()
    assert page.evaluate("() => getComputedStyle(document.activeElement).outlineStyle") == "solid"


def test_what_a_kernel_writes_and_judges_is_shown_and_clicks_reach_it(page, live_figure):
    figure = RouteBoard(boards=BOARDS, holds=[MIDDLE])
    figure.asks = True
    state = figure.page_state() | {"asks": True}
    figure.page_state = lambda: state
    live_figure(figure)
    assert page.get_by_role("button", name="Write a route").count() == 1
    page.evaluate(
        "holds => window.set('holds', holds)", [[START.placement, "start", True], [FINISH.placement, "finish", False]]
    )
    page.evaluate("rows => window.set('verdicts', rows)", [["reader", 19.4, ""], ["judge", None, "not asked"]])
    assert on_board(page) == (START, FINISH)
    assert fact(page, "reader") == "V4 (difficulty 19.4)"
    assert fact(page, "judge") == "not asked"
    click_hold(page, MIDDLE.placement)
    assert page.evaluate("() => window.saved('holds').at(-1)") == [
        [START.placement, "start", True], [MIDDLE.placement, "middle", True], [FINISH.placement, "finish", False],
    ]  # fmt: skip
    assert page.evaluate("() => window.end()") == []


@pytest.mark.parametrize(("width", "theme"), [(340, "light"), (360, "dark"), (1280, "light")])
def test_it_fits(open_board, screenshots, width, theme):
    page = open_board(width, theme, holds=[START, MIDDLE, FOOT, FINISH])
    if width < 500:
        click_hold(page, 600, tap=True)
        assert Hold(600, "middle") in on_board(page)
    write(page, "Complete")
    assert page.evaluate("() => document.documentElement.scrollWidth") == width
    edge = page.locator(".lb-rb").bounding_box()
    for part in page.locator(".lb-rb button:visible, .lb-rb input, .lb-rb select, .lb-rb-frames, .lb-rb-wall").all():
        box = part.bounding_box()
        assert box["x"] >= edge["x"]
        assert box["x"] + box["width"] <= edge["x"] + edge["width"]
    page.screenshot(path=screenshots / f"route-board-{width}-{theme}.png", full_page=True)
