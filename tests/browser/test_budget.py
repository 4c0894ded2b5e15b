"""What a budget buys: the page's own interpolation against pandas', and every way to move the budget."""

import re
from functools import partial

import numpy as np
import pandas as pd
import pytest

from labkit.arena.scaling import COLUMNS
from labkit.widgets import BudgetExplorer

pytestmark = pytest.mark.browser

GROWTH = 1.25
STEPS = 5000


def a_record():
    """Five widths as the real record has them; each ends where its 5,000 steps are paid."""
    rows = []
    for n_embd, floor, memorised in [
        (2, 16.2, 16.1),
        (4, 13.9, 13.7),
        (8, 12.0, 11.6),
        (16, 10.9, 10.0),
        (32, 10.4, 8.3),
    ]:
        cost, due = 4e-5 * (13 * n_embd**2 + 40 * n_embd), 0.0
        for step in range(1, STEPS + 1):
            if step * cost < due and step < STEPS:
                continue
            due = GROWTH * step * cost
            left = 1 / (1 + (step * n_embd**0.5 / 300) ** 1.1)
            curves = [low + (27 - low) * left for low in (floor, memorised)]
            rows.append((n_embd, 12 * n_embd**2 + 62 * n_embd, step, step * cost, *curves))
    return pd.DataFrame(rows, columns=COLUMNS)


@pytest.fixture(scope="module")
def record():
    return a_record()


def bought(record, joules):
    """Steps and perplexities of each width that has begun, by pandas' own interpolation."""
    found = {}
    for width, rows in record.groupby("n_embd"):
        if joules < rows.energy.min():
            continue
        spent = min(joules, rows.energy.max())
        row = {"parameters": rows.parameters.iloc[0], "ended": joules > rows.energy.max()}
        for names, scale in [(["step"], float), (["held_out", "train"], np.log)]:
            curve = rows.set_index(rows.energy.map(scale))[names].astype(float)
            at = scale(spent)
            row |= curve.reindex(curve.index.union([at])).interpolate("index").loc[at].to_dict()
        found[width] = row
    return pd.DataFrame.from_dict(found, orient="index")


def in_words(record, joules):
    """The line of words that belongs to a budget."""
    now = bought(record, joules)
    widths = record.n_embd.unique()
    best = now.held_out.idxmin()
    other = widths[0] if best == widths[-1] else widths[-1]

    def steps(row):
        whole = int(row.step + 1e-6)
        return f"{whole:,} step{'' if whole == 1 else 's'}{' (the end of its record)' if row.ended else ''}"

    row = now.loc[best]
    said = f"With {as_joules(joules)} the best is {best} numbers wide: {row.parameters:,} parameters, {steps(row)}, "
    said += f"perplexity {row.held_out:.1f}; "
    if other not in now.index:
        return said + f"for {other} wide it does not pay a first step."
    return said + f"{other} wide would get {steps(now.loc[other])} and {now.loc[other].held_out:.1f}."


def as_joules(energy):
    return f"{energy:,.0f} J" if energy >= 100 else f"{float(f'{energy:.3g}'):g} J"


@pytest.fixture
def open_figure(figure_page):
    return partial(figure_page, ready=".lb-budget-dot", chart=".lb-budget-chart")


def words(page):
    return page.locator(".lb-say").inner_text()


def budget(page):
    """Where the cursor stands, in J, by its own words."""
    return float(re.match(r"With ([\d.,]+) J", words(page))[1].replace(",", ""))


def slider(page):
    return page.get_by_role("slider", name="budget")


def at_energy(page, joules):
    """Where on the page an energy lies: the axis is logarithmic, and 1 J and 100 J are written below it."""
    box = page.locator(".lb-budget-chart").bounding_box()
    one, hundred = (
        page.locator(".lb-tick[text-anchor=middle]").get_by_text(name, exact=True).first.bounding_box()
        for name in ("1", "100")
    )
    left, right = (tick["x"] + tick["width"] / 2 for tick in (one, hundred))
    return left + (right - left) * np.log10(joules) / 2, box["y"] + 0.4 * box["height"]


@pytest.mark.parametrize("joules", [0.05, 0.3, 1.0, 5.0, 20.0, 77.0, 300.0, 2500.0])
def test_the_words_the_table_and_the_emphasis_are_pandas_own(open_figure, record, joules):
    page = open_figure(BudgetExplorer(record, budget=joules))
    now = bought(record, joules)
    best = now.held_out.idxmin()
    assert words(page) == in_words(record, joules)
    table = page.locator(".lb-budget-table tbody tr").evaluate_all(
        "rows => rows.map((row) => [row.dataset.width, ...[...row.cells].map((cell) => cell.textContent)])"
    )
    for (width, name, parameters, *rest), n_embd in zip(table, record.n_embd.unique(), strict=True):
        assert (width, name) == (f"{n_embd}", f"{n_embd}best" if n_embd == best else f"{n_embd}")
        assert parameters == f"{record.query('n_embd == @n_embd').parameters.iloc[0]:,}"
        if n_embd not in now.index:
            assert rest == ["–"] * 4
            continue
        row = now.loc[n_embd]
        steps = f"{int(row.step + 1e-6):,}{'*' if row.ended else ''}"
        gap = f"{round(row.held_out - row.train, 1) + 0.0:+.1f}".replace("-", "−")
        assert rest == [steps, f"{row.held_out:.1f}", f"{row.train:.1f}", gap]
    assert page.locator("tr.lb-best").get_attribute("data-width") == f"{best}"
    assert page.locator("path.lb-best").get_attribute("data-line") == f"{best}"
    assert page.locator(".lb-budget-ring").count() == 1
    dots = page.locator(".lb-budget-dot").evaluate_all("all => all.map((dot) => dot.dataset.dot)")
    assert sorted(map(int, dots)) == now.index.tolist()
    assert dots[-1] == f"{best}"  # on top


def test_the_strip_shows_the_best_at_each_budget(open_figure, record):
    page = open_figure(BudgetExplorer(record))
    strips = page.locator(".lb-budget-strip").evaluate_all(
        "all => all.map((one) => [parseInt(one.textContent), one.x.baseVal.value + one.width.baseVal.value / 2])"
    )
    left = page.locator(".lb-budget-chart").bounding_box()["x"]
    assert [width for width, _ in strips] == [2, 4, 8, 16, 32]
    for width, x in strips:
        page.mouse.click(left + x, at_energy(page, 1)[1])
        assert f"the best is {width} numbers wide" in words(page)


def test_dragging_moves_the_budget(open_figure, record):
    page = open_figure(BudgetExplorer(record, budget=1))
    x, y = at_energy(page, 3)
    page.mouse.move(x, y)
    assert budget(page) == 1  # no button is held
    page.mouse.down()
    assert budget(page) == pytest.approx(3, rel=0.05)
    for joules in (30, 400):
        page.mouse.move(at_energy(page, joules)[0], y + 300)  # also below the chart
        assert budget(page) == pytest.approx(joules, rel=0.05)
        assert words(page) == in_words(record, budget(page))
        cursor = page.locator(".lb-budget-cursor").bounding_box()
        assert cursor["x"] == pytest.approx(at_energy(page, joules)[0], abs=2)
    page.mouse.move(5000, y)
    assert words(page) == in_words(record, record.energy.max())
    page.mouse.up()
    page.mouse.move(x, y)
    assert budget(page) == round(record.energy.max())
    assert slider(page).input_value() == "400"


def test_a_finger_moves_it_and_can_scroll_past(open_figure, record):
    page = open_figure(BudgetExplorer(record, budget=1), width=360, has_touch=True)
    page.touchscreen.tap(*at_energy(page, 50))
    assert budget(page) == pytest.approx(50, rel=0.05)
    assert page.locator(".lb-budget-chart").evaluate("chart => getComputedStyle(chart).touchAction") == "pan-y"


def test_the_keyboard_moves_it(open_figure, record):
    page = open_figure(BudgetExplorer(record, budget=20))
    assert slider(page).get_attribute("data-lm-suppress-shortcuts") == "true"
    assert slider(page).get_attribute("aria-valuetext") == "20 J"
    slider(page).focus()
    seen = [20.0]
    for _ in range(5):
        page.keyboard.press("ArrowRight")
        seen.append(budget(page))
        assert words(page) == in_words(record, seen[-1])
        assert slider(page).get_attribute("aria-valuetext") == as_joules(seen[-1])
    step = (record.energy.max() / record.energy.min()) ** (1 / 400)
    assert np.divide(seen[2:], seen[1:-1]) == pytest.approx([step] * 4, rel=0.02)
    page.keyboard.press("Home")
    assert words(page) == in_words(record, record.energy.min())
    page.keyboard.press("End")
    assert words(page) == in_words(record, record.energy.max())
    assert "(the end of its record)" in words(page)
    assert page.get_by_text("the rest of the budget is not spent").is_visible()


def test_the_checkbox_shows_the_training_names(open_figure, record):
    page = open_figure(BudgetExplorer(record, budget=20))
    check, lines = page.get_by_role("checkbox", name="training names too (dashed)"), page.locator(".lb-budget-training")
    assert (check.is_checked(), lines.count()) == (False, 0)
    check.focus()
    page.keyboard.press("Space")
    assert (check.is_checked(), lines.count()) == (True, 5)
    assert lines.first.evaluate("line => getComputedStyle(line).strokeDasharray") != "none"
    check.click()
    assert lines.count() == 0
    page = open_figure(BudgetExplorer(record, budget=20, training=True))
    assert page.locator(".lb-budget-training").count() == 5


def test_one_width_has_nothing_to_be_compared_with(open_figure, record):
    page = open_figure(BudgetExplorer(record.query("n_embd == 8"), budget=20))
    assert words(page).startswith("With 20 J the best is 8 numbers wide")
    assert ";" not in words(page)


def labels_are_apart(page):
    """There is one for each width, inside the chart, and none covers another."""
    chart = page.locator(".lb-budget-chart").evaluate("chart => chart.viewBox.baseVal.width")
    labels = page.locator(".lb-budget-label").evaluate_all(
        "all => all.map((text) => { const { x, y, width, height } = text.getBBox(); "
        "return [text.dataset.label, x, x + width, y, y + height]; })"
    )
    assert [width for width, *_ in labels] == ["2", "4", "8", "16", "32"]
    for i, (_, left, right, top, bottom) in enumerate(labels):
        assert left >= 0
        assert right <= chart
        for _, left_2, right_2, top_2, bottom_2 in labels[:i]:
            # A line of text has some air above and below its letters.
            assert right <= left_2 or right_2 <= left or bottom <= top_2 + 4 or bottom_2 <= top + 4


@pytest.mark.parametrize(
    ("width", "theme"), [(900, "light"), (900, "dark"), (560, "light"), (360, "light"), (360, "dark")]
)
def test_it_fits_and_no_label_covers_another(open_figure, screenshots, record, width, theme):
    page = open_figure(BudgetExplorer(record, budget=20, training=theme == "dark"), width, theme)
    assert page.evaluate("() => document.documentElement.scrollWidth <= window.innerWidth")
    assert page.evaluate(
        "() => { const s = document.querySelector('.lb-scroll'); return s.scrollWidth <= s.clientWidth; }"
    )
    labels_are_apart(page)
    page.screenshot(path=screenshots / f"budget-{width}-{theme}.png", full_page=True)


def test_labels_stay_apart_when_lines_end_at_one_place(open_figure, record):
    """Five widths that were all stopped at the same energy, at nearly the same perplexity."""
    same = record.copy()
    for width in same.n_embd.unique():
        rows = same.n_embd == width
        same.loc[rows, "energy"] *= 100 / same.loc[rows, "energy"].max()
        same.loc[rows, "held_out"] += 12 + width / 50 - same.loc[rows, "held_out"].iloc[-1]
    page = open_figure(BudgetExplorer(same, budget=20), 360)
    labels_are_apart(page)


def test_python_may_set_the_budget_and_hears_of_it(live_figure, page, record):
    """As in JupyterLab, with a kernel behind the model."""
    figure = BudgetExplorer(record, budget=20)
    live_figure(figure)
    page.evaluate("() => window.set('budget', 300)")
    assert words(page) == in_words(record, 300)
    slider(page).press("ArrowLeft")
    (saved,) = page.evaluate("() => window.saved('budget')")
    figure.budget = saved  # within the record
    assert words(page) == in_words(record, figure.budget)
    assert page.evaluate("() => window.end()") == []
