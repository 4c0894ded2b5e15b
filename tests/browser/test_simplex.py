"""The triangle of policies: the page's arithmetic against labkit.rlhf.exact and autograd, and every way to move it."""

import base64
from functools import partial

import numpy as np
import pytest
import torch

from labkit.rlhf import exact
from labkit.widgets import SimplexFigure
from labkit.widgets.figure import module_source

pytestmark = pytest.mark.browser

NAMES = ["polite", "rude", "none"]
TASK = {"rewards": [1, -0.5, 0.2], "reference": [0.2, 0.5, 0.3], "beta": 0.4}


def a_figure(**changes):
    return SimplexFigure(NAMES, **TASK | changes)


@pytest.fixture
def open_figure(figure_page):
    return partial(figure_page, ready=".lb-simplex-policy[transform]", chart=".lb-simplex-chart")


def shown(page):
    """The numbers below the table, in full."""
    return page.locator("[data-number]").evaluate_all(
        "all => Object.fromEntries(all.map((one) => [one.dataset.number, Number(one.dataset.value)]))"
    )


def columns(page):
    """Rewards, μ, π and π* of the table, in full, [4][3]."""
    rows = page.locator(".lb-simplex-table tbody tr").evaluate_all(
        "rows => rows.map((row) => [...row.querySelectorAll('td')].map((cell) => Number(cell.dataset.value)))"
    )
    return np.transpose(rows)


def check(page, **changes):
    """What is shown is what labkit.rlhf.exact says of the policy that is shown."""
    rewards, reference, policy, best = columns(page)
    beta = changes.pop("beta")
    figure = SimplexFigure(NAMES, rewards, reference, beta, policy=policy)
    expected = figure.numbers()._asdict()
    assert best == pytest.approx(figure.optimum, abs=1e-6)
    for name, value in shown(page).items():
        assert value == pytest.approx(expected[name], abs=1e-6)
    return policy


def press(page, name):
    page.get_by_role("button", name=f"{name}:").click()


def slider(page, name):
    return page.get_by_role("slider", name=name)


def center(page, which):
    box = page.locator(f".lb-simplex-{which} > :last-child").bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


MODULE = """async ([source, body, given]) => {
    const figure = await import(`data:text/javascript;base64,${source}`);
    return new Function("figure", "given", body)(figure, given);
}"""


def in_module(page, body, given):
    source = base64.b64encode(module_source("simplex").encode()).decode()
    return page.evaluate(MODULE, [source, body, given])


def js_task(**changes):
    task = TASK | changes
    return task | {"reference": np.log(task["reference"]).tolist()}


def test_the_gradient_is_autograds_and_rloo_and_reinforce_are_unbiased(page):
    logits = torch.tensor([0.3, -0.2, 0.5], dtype=torch.float64, requires_grad=True)
    task = TASK | {"rewards": [3, 1.5, 2.2]}  # a baseline helps where rewards are not about 0
    reference, rewards = (torch.tensor(task[name], dtype=torch.float64) for name in ("reference", "rewards"))
    exact.objective(logits.log_softmax(0), reference.log(), rewards, TASK["beta"]).backward()
    policy = logits.detach().log_softmax(0).tolist()
    given = {"policy": policy, "task": js_task(**task), "n": 3, "draws": 6_000}
    gradient = in_module(page, "return figure.exactGradient(given.policy, given.task);", given)
    assert gradient == pytest.approx(logits.grad.tolist(), abs=1e-12)

    body = """const random = figure.generator(5);
        return Array.from({ length: given.draws }, () => figure.sampledGradient(given.policy, given.task,
            { method: given.method, samples: given.n }, random));"""
    spreads = {}
    for method in ("rloo", "reinforce"):
        drawn = np.array(in_module(page, body, given | {"method": method}))
        error = drawn.std(0) / np.sqrt(len(drawn))
        assert np.abs(drawn.mean(0) - gradient).max() < 4.5 * error.max()
        spreads[method] = drawn.std(0).sum()
    assert spreads["rloo"] < spreads["reinforce"]  # what the baseline is for


def test_the_curve_goes_from_the_reference_to_the_best_answer(page):
    task = js_task()
    curve = np.array(in_module(page, "return figure.curveOf(given);", task))
    assert curve[0] == pytest.approx(TASK["reference"])
    assert curve[-1].tolist() == [1, 0, 0]
    assert np.abs(np.diff(curve, axis=0)).max() < 0.06  # no gap that the eye would see
    log_p = torch.tensor(curve[1:-1]).clamp(min=1e-300).log()
    log_ref, rewards = torch.tensor(task["reference"]), torch.tensor(TASK["rewards"])
    # On the curve (log π - log μ) · β = r + a constant: differences between answers have the ratio of the rewards'.
    gain = log_p - log_ref
    near = gain[(log_p > -200).all(1)]
    share = (near[:, 2] - near[:, 1]) / (near[:, 0] - near[:, 1])
    assert share.numpy() == pytest.approx(float((rewards[2] - rewards[1]) / (rewards[0] - rewards[1])), abs=1e-6)


def test_level_lines_lie_where_the_objective_has_their_value(page):
    levels = [-0.2, 0.1, 0.35, 0.44]
    lines = in_module(
        page, "return figure.levelLines(given.task, given.levels);", {"task": js_task(), "levels": levels}
    )
    log_ref, rewards = torch.tensor(TASK["reference"]).double().log(), torch.tensor(TASK["rewards"]).double()
    for level, pieces in zip(levels, lines, strict=True):
        assert len(pieces) > 4
        for p in np.reshape(pieces, (-1, 3)):
            value = exact.objective(torch.tensor(p).clamp(min=1e-300).log(), log_ref, rewards, TASK["beta"])
            assert float(value) == pytest.approx(level, abs=0.02)


def test_steps_are_gradient_ascent_on_the_logits(open_figure):
    page = open_figure(a_figure(rate=0.8))
    logits = torch.tensor(TASK["reference"], dtype=torch.float64).log()
    log_ref, rewards = logits.clone(), torch.tensor(TASK["rewards"], dtype=torch.float64)
    for n in range(1, 4):
        press(page, "Step")
        z = logits.clone().requires_grad_()
        exact.objective(z.log_softmax(0), log_ref, rewards, TASK["beta"]).backward()
        logits = z.detach() + 0.8 * z.grad
        assert check(page, beta=0.4) == pytest.approx(logits.softmax(0).numpy(), abs=1e-9)
        assert page.locator(".lb-say").get_attribute("data-steps") == f"{n}"


def test_walking_arrives_at_the_optimum_and_turns_when_beta_moves(open_figure):
    page = open_figure(a_figure(rate=2))
    assert shown(page)["to_optimum"] > 0.5
    press(page, "Walk")
    near = "most => Number(document.querySelector('[data-number=to_optimum]').dataset.value) < most"
    page.wait_for_function(near, arg=0.001)
    assert page.locator(".lb-simplex-trail").get_attribute("d").count("L") > 3
    slider(page, "KL weight β").focus()
    for _ in range(3):
        page.keyboard.press("PageUp")
    beta = float(slider(page, "KL weight β").get_attribute("aria-valuetext"))
    assert beta > 1
    page.wait_for_function(near, arg=0.001)
    page.get_by_role("button", name="Pause:").click()
    check(page, beta=beta)
    assert "π is at π*, the best for this β." in page.locator(".lb-say").inner_text()
    assert page.get_by_role("button", name="Walk:").is_visible()
    press(page, "Start over")
    assert columns(page)[2] == pytest.approx(columns(page)[1], abs=1e-12)
    assert page.locator(".lb-say").get_attribute("data-steps") == "0"


@pytest.mark.parametrize("method", ["rloo", "reinforce"])
def test_a_sampled_walk_is_the_seeds_and_comes_near(open_figure, method):
    page = open_figure(a_figure(method=method, samples=64, rate=0.5, seed=3))
    ways = []
    for seed in (3, 3, 4):
        page.get_by_role("spinbutton", name="seed").fill(f"{seed}")
        press(page, "Start over")
        for _ in range(3):
            press(page, "Step")
        ways.append(check(page, beta=0.4).tolist())
    assert ways[0] == ways[1] != ways[2]
    press(page, "Walk")
    page.wait_for_function("() => Number(document.querySelector('[data-number=to_optimum]').dataset.value) < 0.02")


def test_the_method_shows_what_it_needs(open_figure):
    page = open_figure(a_figure())
    samples = page.get_by_role("slider", name="samples a step")
    assert not samples.is_visible()
    page.get_by_role("combobox", name="method").select_option("rloo")
    assert samples.is_visible()
    samples.press("ArrowRight")
    assert samples.get_attribute("aria-valuetext") == "9"
    for control in (slider(page, "KL weight β"), samples, page.get_by_role("slider", name="learning rate")):
        assert control.get_attribute("data-lm-suppress-shortcuts") == "true"


def test_policy_and_reference_are_dragged(open_figure):
    page = open_figure(a_figure())
    x, y = center(page, "policy")
    for which, column, by in [("policy", 2, (-60, 40)), ("reference", 1, (20, -90))]:
        before = columns(page)
        page.mouse.move(x, y)
        page.mouse.down()
        page.mouse.move(x + by[0] / 2, y + by[1] / 2)
        page.mouse.move(x + by[0], y + by[1])
        page.mouse.up()
        after = columns(page)
        assert center(page, which) == pytest.approx((x + by[0], y + by[1]), abs=1)
        assert np.abs(after - before)[[1, 2]].sum(1).nonzero()[0].tolist() == [column - 1]
        check(page, beta=0.4)
    page.mouse.move(x - 60, y + 40)
    page.mouse.down()
    page.mouse.move(x - 900, y + 900)  # far outside it stays in the triangle
    page.mouse.up()
    assert columns(page)[2] == pytest.approx([0.996, 0.002, 0.002], abs=1e-3)


def test_a_tap_puts_the_policy_there(open_figure):
    page = open_figure(a_figure(), width=360, has_touch=True)
    x, y = center(page, "reference")
    page.touchscreen.tap(x - 70, y)
    assert center(page, "policy") == pytest.approx((x - 70, y), abs=1)
    assert page.locator(".lb-simplex-policy").evaluate("mark => getComputedStyle(mark).touchAction") == "none"
    page.touchscreen.tap(x - 150, y - 100)  # outside the triangle
    assert center(page, "policy") == pytest.approx((x - 70, y), abs=1)


def test_the_keyboard_moves_both_points(open_figure):
    page = open_figure(a_figure())
    for which, column in [("policy π", 2), ("reference μ", 1)]:
        point = slider(page, which)
        point.focus()
        before = columns(page)[column]
        page.keyboard.press("ArrowRight")
        right = columns(page)[column]
        assert right - before == pytest.approx([-0.02, 0.02, 0], abs=1e-9)
        page.keyboard.press("Shift+ArrowUp")
        assert columns(page)[column][2] > right[2] + 0.1
        said = ", ".join(f"{name} {100 * p:.0f} %" for name, p in zip(NAMES, columns(page)[column], strict=True))
        assert point.get_attribute("aria-valuetext") == said
        assert point.evaluate("point => point === document.activeElement")
        assert point.locator("> :last-child").evaluate("mark => getComputedStyle(mark).strokeWidth") == "3.5px"
        assert point.get_attribute("data-lm-suppress-shortcuts") == "true"
    check(page, beta=0.4)


@pytest.mark.parametrize("key", ["Home", "End", "ArrowRight"])
def test_the_beta_slider_moves_the_optimum(open_figure, key):
    page = open_figure(a_figure())
    slider(page, "KL weight β").press(key)
    beta = float(slider(page, "KL weight β").get_attribute("aria-valuetext"))
    assert {"Home": beta == 0.05, "End": beta == 5, "ArrowRight": 0.4 < beta < 0.41}[key]
    check(page, beta=beta)


def test_without_motion_a_walk_is_many_steps_at_once(open_figure):
    page = open_figure(a_figure(rate=1), reduced_motion="reduce")
    press(page, "Walk")
    assert page.locator(".lb-say").get_attribute("data-steps") == "200"
    assert shown(page)["to_optimum"] < 0.001


def test_python_hears_of_the_policy_and_may_set_all(live_figure, page):
    """As in JupyterLab, with a kernel behind the model."""
    figure = a_figure()
    live_figure(figure)
    press(page, "Step")
    figure.policy = page.evaluate("() => window.saved('policy')")[-1]
    assert figure.policy == pytest.approx(columns(page)[2], abs=1e-12)
    page.evaluate("() => window.set('policy', [0.1, 0.2, 0.7])")
    assert columns(page)[2] == pytest.approx([0.1, 0.2, 0.7])
    page.evaluate("() => window.set('rewards', [0, 2, 0])")
    page.evaluate("() => window.set('beta', 1)")
    check(page, beta=1)
    assert columns(page)[3].argmax() == 1
    assert page.evaluate("() => window.end()") == []


LETTERS = """() => [...document.querySelectorAll(".lb-simplex-chart text")].map((text) => {
    const { left, right, top, bottom } = text.getBoundingClientRect();
    return [text.textContent, left, right, top + 3, bottom - 3]; })"""


@pytest.mark.parametrize(("width", "theme"), [(1200, "light"), (1200, "dark"), (360, "light"), (360, "dark")])
def test_it_fits_and_no_letter_covers_another(open_figure, screenshots, width, theme):
    """Wherever the points are: at one place, apart, and near a corner."""
    names = ["a polite answer of some length", "a rude answer of some length", "no answer"]
    page = open_figure(SimplexFigure(names, **TASK, method="rloo"), width, theme)
    for x, y in [(0, 0), (40, 0), (-60, 20), (0, -80)]:
        at = center(page, "policy")
        page.mouse.move(*at)
        page.mouse.down()
        page.mouse.move(at[0] + x, at[1] + y)
        page.mouse.up()
        assert page.evaluate("() => document.documentElement.scrollWidth <= window.innerWidth")
        words = page.evaluate(LETTERS)
        assert [text for text, *_ in words if text in ("π", "π*", "μ")] == ["π", "π*", "μ"]
        for i, (_, left, right, top, bottom) in enumerate(words):
            assert 0 <= left < right <= width
            for _, left_2, right_2, top_2, bottom_2 in words[:i]:
                assert right <= left_2 or right_2 <= left or bottom <= top_2 or bottom_2 <= top
    page.screenshot(path=screenshots / f"simplex-{width}-{theme}.png", full_page=True)
