"""Proxy and truth: what the page says at each KL weight against labkit.rlhf.exact on the toy board."""

from functools import cache, partial

import numpy as np
import pytest
import torch

from labkit.rlhf import exact
from labkit.rlhf.table import TablePolicy
from labkit.rlhf.toy import ToyBoard
from labkit.widgets import OveroptimisationFigure

pytestmark = pytest.mark.browser

BETAS = [float(f"{b:.3g}") for b in np.geomspace(40, 0.05, 13)]
CAUTIONS = [0.5, 1, 4]


@pytest.fixture(scope="module")
def task():
    """The toy board, and three proxies with heavy-tailed errors about bad routes."""
    toy = ToyBoard()
    log_ref = TablePolicy(toy).all_log_probs().detach()
    errors = np.random.default_rng(1).standard_t(3, size=(3, len(toy)))
    proxies = toy.rewards + 0.6 * torch.tensor(errors) * (toy.rewards < -1.2)
    return log_ref, toy.rewards, proxies, [f"route {i}" for i in range(len(toy))]


@pytest.fixture(scope="module")
def figure(task):
    return OveroptimisationFigure.from_rewards(*task, betas=BETAS, cautions=CAUTIONS)


@pytest.fixture
def open_figure(figure_page, figure):
    def opened(width=900, theme="light", **settings):
        return figure_page(
            OveroptimisationFigure(figure.curves, [f"route {i}" for i in range(4200)], **settings.pop("first", {})),
            width,
            theme,
            ready=".lb-over-dot",
            chart=".lb-over-chart",
            **settings,
        )

    return partial(opened)


def shown(page):
    return page.locator("[data-number]").evaluate_all(
        "all => Object.fromEntries(all.map((one) => [one.dataset.number, Number(one.dataset.value)]))"
    )


@pytest.fixture(scope="module")
def expected(task):
    """`expected(beta, caution)`: KL, proxy and true; and of each source's five likeliest routes share, proxy, true."""
    return cache(partial(by_exact, task))


def by_exact(task, beta, caution=None):
    log_ref, true, proxies, _ = task
    sources = [proxy - exact.expected(log_ref, proxy) for proxy in proxies]
    if caution is not None:
        stacked = torch.stack(sources)
        one = stacked.mean(0) - caution * stacked.std(0, correction=0)
        sources = [one - exact.expected(log_ref, one)]
    truth = true - exact.expected(log_ref, true)
    found, tables = [], []
    for source in sources:
        best = exact.optimum(log_ref, source, beta)
        found.append([float(x) for x in (exact.kl(best, log_ref), *(exact.expected(best, r) for r in (source, truth)))])
        top = best.exp().topk(5)
        tables.append([[f"route {i}", float(p), float(source[i]), float(truth[i])] for p, i in zip(*top, strict=True)])
    return dict(zip(("kl", "proxy", "true"), np.mean(found, 0), strict=True)), tables


def check(page, expected, beta, caution=None, model=0):
    """All numbers of the page are `expected`'s."""
    numbers, tables = expected(beta, caution)
    said = shown(page)
    assert said["beta"] == beta
    assert {name: said[name] for name in numbers} == pytest.approx(numbers, abs=1e-6)
    curve = {one: expected(one, caution)[0]["true"] for one in BETAS}
    assert said["peak"] == pytest.approx(max(curve.values()), abs=1e-6)
    assert said["peak_beta"] == max(curve, key=curve.get)
    rows = page.locator(".lb-over-table tbody tr").evaluate_all(
        "rows => rows.map((row) => [row.cells[0].textContent, "
        "...[...row.querySelectorAll('td')].map((cell) => Number(cell.dataset.value))])"
    )
    assert sorted(row[1] for row in rows) == pytest.approx(sorted(row[1] for row in tables[model]), abs=1e-6)
    truth, proxy = ({name: values[i] for name, *values in tables[model]} for i in (2, 1))
    for name, _, said_proxy, said_true in rows:
        if name in truth:  # of equally likely ones another may be the fifth
            assert (said_proxy, said_true) == pytest.approx((proxy[name], truth[name]), abs=1e-5)


def slider(page, name="KL weight β"):
    return page.get_by_role("slider", name=name)


def words(page):
    return page.locator(".lb-say").inner_text()


def test_the_proxy_rises_while_the_truth_falls_and_every_number_is_exacts(open_figure, expected):
    page = open_figure(first={"beta": 1000})
    assert slider(page).get_attribute("data-lm-suppress-shortcuts") == "true"
    slider(page).focus()
    seen = []
    for place in (0, 3, 6, 9, 12):
        while int(slider(page).input_value()) < place:
            page.keyboard.press("ArrowRight")
        check(page, expected, BETAS[place])
        assert slider(page).get_attribute("aria-valuetext") == f"{BETAS[place]:g}"
        seen.append(shown(page))
    assert np.all(np.diff([one["proxy"] for one in seen]) > 0)
    assert seen[-1]["true"] < seen[2]["true"]  # the over-optimisation
    assert "Too far: the truth was best" in words(page)
    page.keyboard.press("Home")
    assert "There is more to have" in words(page)


def test_stop_at_the_peak(open_figure, expected):
    page = open_figure(first={"beta": 0.05})
    page.get_by_role("button", name="Stop at the peak:").click()
    assert shown(page)["beta"] == shown(page)["peak_beta"]
    assert shown(page)["true"] == shown(page)["peak"]
    check(page, expected, shown(page)["peak_beta"])
    assert words(page).endswith("The truth is never better: stop here.")
    ring, dot = (page.locator(one).bounding_box() for one in (".lb-over-peak", "[data-dot=true]"))
    centers = [(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2) for box in (ring, dot)]
    assert centers[0] == pytest.approx(centers[1], abs=0.5)


def test_the_ensemble_and_its_caution(open_figure, expected):
    page = open_figure(first={"beta": 0.5})
    place = int(slider(page).input_value())
    caution = page.get_by_role("slider", name="caution")
    assert not caution.is_visible()
    assert page.locator(".lb-over-thin").count() == 6
    page.get_by_role("radio", name="ensemble of 3").check()
    assert page.locator(".lb-over-thin").count() == 0
    assert page.locator(".lb-over-before").count() == 1
    for key, value in [("Home", 0.5), ("ArrowRight", 1), ("End", 4)]:
        caution.press(key)
        check(page, expected, BETAS[place], value)
        assert f"mean − {value:g} · std" in words(page)
        assert caution.get_attribute("aria-valuetext") == f"{value:g}"
    cured = shown(page)["true"]
    page.get_by_role("radio", name="one reward model each").press("Space")
    check(page, expected, BETAS[place])
    assert shown(page)["true"] < cured


def test_the_table_is_of_the_model_that_is_chosen(open_figure, expected):
    page = open_figure(first={"beta": 0.5})
    place = int(slider(page).input_value())
    for model in (2, 1):
        page.get_by_role("combobox", name="reward model").select_option(f"{model}")
        check(page, expected, BETAS[place], model=model)


def test_dragging_moves_beta_to_the_nearest(open_figure):
    page = open_figure(first={"beta": 1000})
    slider(page).focus()
    places = {}
    for place in (6, 8):
        while int(slider(page).input_value()) < place:
            page.keyboard.press("ArrowRight")
        places[place] = page.locator(".lb-over-cursor").bounding_box()["x"]
    box = page.locator(".lb-over-chart").bounding_box()
    page.mouse.move(box["x"] + 100, box["y"] + 150)
    assert slider(page).input_value() == "8"  # no button is held
    page.mouse.down()
    assert int(slider(page).input_value()) < 6
    for place, x in places.items():
        page.mouse.move(x + 3, box["y"] + 700)  # also below the chart
        assert slider(page).input_value() == f"{place}"
    page.mouse.up()
    page.mouse.move(box["x"] + 100, box["y"] + 150)
    assert slider(page).input_value() == "8"
    assert page.locator(".lb-over-chart").evaluate("chart => getComputedStyle(chart).touchAction") == "pan-y"


def test_zoomed_in_the_proxy_leaves_the_chart(open_figure):
    page = open_figure(first={"beta": 0.05})

    def height():
        return page.locator(".lb-over-true.lb-over-thick").bounding_box()["height"]

    small = height()
    assert page.locator(".lb-over-dot").count() == 2
    page.get_by_role("checkbox", name="zoom in on the truth").check()
    assert height() > 2 * small
    assert page.locator(".lb-over-dot").count() == 1


def test_one_model_has_no_ensemble(figure_page, task):
    log_ref, true, proxies, _ = task
    page = figure_page(
        OveroptimisationFigure.from_rewards(log_ref, true, proxies[:1], betas=BETAS), ready=".lb-over-dot"
    )
    assert (
        page.get_by_role("radio").count() == page.get_by_role("combobox").count() == page.locator("table").count() == 0
    )
    assert "the proxy says" in words(page)


def test_python_may_set_all_and_hears_of_it(live_figure, page, figure, expected):
    """As in JupyterLab, with a kernel behind the model."""
    one = OveroptimisationFigure(figure.curves, [f"route {i}" for i in range(4200)], beta=10)
    live_figure(one)
    page.evaluate("() => window.set('place', 10)")
    check(page, expected, BETAS[10])
    page.evaluate("() => window.set('ensemble', true)")
    page.evaluate("() => window.set('caution', 4)")
    check(page, expected, BETAS[10], 4)
    slider(page).press("ArrowLeft")
    one.place = page.evaluate("() => window.saved('place')")[-1]
    assert one.beta == BETAS[9]
    assert page.evaluate("() => window.end()") == []


TEXTS = """() => [...document.querySelectorAll(".lb-over-chart text")].map((text) => {
    const { left, right, top, bottom } = text.getBoundingClientRect();
    return [text.textContent, left, right, top + 2, bottom - 2]; })"""


@pytest.mark.parametrize(("width", "theme"), [(1200, "light"), (1200, "dark"), (360, "light"), (360, "dark")])
def test_it_fits_and_no_word_covers_another(open_figure, screenshots, width, theme):
    page = open_figure(width, theme, first={"ensemble": theme == "dark", "zoom": width == 360})
    for key in ("Home", "PageUp", "PageUp", "PageUp", "End"):
        slider(page).press(key)
        assert page.evaluate("() => document.documentElement.scrollWidth <= window.innerWidth")
        found = page.evaluate(TEXTS)
        for i, (_, left, right, top, bottom) in enumerate(found):
            assert 0 <= left < right <= width - 12
            for _, left_2, right_2, top_2, bottom_2 in found[:i]:
                assert right <= left_2 or right_2 <= left or bottom <= top_2 or bottom_2 <= top
    page.screenshot(path=screenshots / f"overoptimisation-{width}-{theme}.png", full_page=True)
