import doctest
import json

import numpy as np
import pandas as pd
import pytest
from traitlets import TraitError

from labkit.arena.scaling import COLUMNS
from labkit.data import Names
from labkit.widgets import BudgetExplorer, budget

CURVES = ["step", "energy", "held_out", "train"]


def a_record():
    """Three widths: a step of each costs ten times as much as one of the narrower, and learns more."""
    rows = []
    for n_embd, parameters, cost, floor in [(2, 162, 0.01, 18.0), (8, 1216, 0.1, 14.0), (32, 14016, 1.0, 10.0)]:
        for step in (1, 3, 10, 40, 200, 1000):
            held_out = floor + (27 - floor) / (1 + step / 30)
            rows.append((n_embd, parameters, step, step * cost, held_out, held_out - step / 500))
    return pd.DataFrame(rows, columns=COLUMNS)


def bought(record, joules):
    """The record at a budget, through pandas' own interpolation over an index of log energies."""
    found = {}
    for width, rows in record.groupby("n_embd"):
        if joules < rows.energy.min():
            continue
        curve = rows.set_index(np.log(rows.energy))[["held_out", "train"]]
        at = np.log(min(joules, rows.energy.max()))
        curve = curve.reindex(curve.index.union([at])).interpolate("index")
        found[width] = curve.loc[at]
    return pd.DataFrame(found).T


def test_docstring():
    results = doctest.testmod(budget)
    assert (results.attempted > 0, results.failed) == (True, 0)


def test_the_figure_holds_the_record_by_widths():
    record = a_record()
    figure = BudgetExplorer(record, budget=20)
    assert (figure.budget, figure.training, figure.guessing) == (20, False, Names.vocab_size)
    assert [line["n_embd"] for line in figure.lines] == [2, 8, 32]
    rebuilt = pd.concat([pd.DataFrame(line) for line in figure.lines], ignore_index=True)
    pd.testing.assert_frame_equal(rebuilt[list(COLUMNS)], record, check_dtype=False)


def test_the_order_of_rows_and_further_columns_do_not_matter():
    record = a_record()
    shuffled = record.sample(frac=1, random_state=1).assign(note="x")
    assert BudgetExplorer(shuffled).lines == BudgetExplorer(record).lines


def test_the_state_in_the_page_is_the_state_of_the_figure():
    figure = BudgetExplorer(a_record(), budget=5, training=True)
    html = figure.page_html()
    state = json.loads(html.partition('<script type="application/json">')[2].partition("</script>")[0])
    assert state == {"lines": figure.lines, "guessing": 27.0, "budget": 5.0, "training": True}
    assert figure.caption() in html


def test_left_out_the_budget_is_in_the_middle_of_the_record():
    assert BudgetExplorer(a_record()).budget == pytest.approx(np.sqrt(0.01 * 1000), rel=0.05)


@pytest.mark.parametrize("joules", [0.01, 0.07, 0.1, 1.0, 4.0, 10.0, 20.0, 77.7, 500.0, 1000.0])
def test_what_a_budget_buys(joules):
    record = a_record()
    table = BudgetExplorer(record).at(joules)
    expected = bought(record, joules)
    assert table.index.tolist() == [2, 8, 32]
    started = table.dropna()
    assert started.index.tolist() == expected.index.tolist()
    assert started.held_out.tolist() == pytest.approx(expected.held_out.tolist())
    assert started.train.tolist() == pytest.approx(expected.train.tolist())
    steps = {width: min(1000, int(joules / cost + 1e-9)) for width, cost in [(2, 0.01), (8, 0.1), (32, 1.0)]}
    assert started.step.tolist() == [steps[width] for width in started.index]


@pytest.mark.parametrize("joules", [0.02, 1.0, 8.0, 20.0, 300.0])
def test_the_caption_says_the_best_width(joules):
    record = a_record()
    best, last = (bought(record, at).held_out for at in (joules, 1000.0))
    assert BudgetExplorer(record, budget=joules).caption() == (
        "Perplexity on held-out names of models 2 … 32 numbers wide, against the energy of their training: "
        f"with {joules:g} J the best is {best.idxmin()} wide (perplexity {best.min():.1f}), "
        f"with 1,000 J the best is {last.idxmin()} wide (perplexity {last.min():.1f})."
    )


def test_the_best_changes_with_the_budget():
    figure = BudgetExplorer(a_record())
    assert [figure.at(joules).held_out.idxmin() for joules in (0.5, 20, 900)] == [2, 8, 32]


def test_the_caption_at_the_end_says_it_once():
    assert BudgetExplorer(a_record(), budget=1000).caption().count("the best is") == 1


def test_one_width_is_enough():
    record = a_record().query("n_embd == 8")
    assert "of models 8 numbers wide" in BudgetExplorer(record).caption()


@pytest.mark.parametrize("columns", [["energy"], ["held_out", "train"]])
def test_a_record_that_lacks_columns(columns):
    with pytest.raises(ValueError, match=f"BudgetExplorer: the record has no column {', '.join(columns)}"):
        BudgetExplorer(a_record().drop(columns=columns))


def test_an_empty_record():
    with pytest.raises(ValueError, match="the record is empty"):
        BudgetExplorer(a_record().head(0))


@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_numbers_that_are_not_finite(column, wrong):
    record = a_record().astype(float)
    record.loc[3, column] = wrong
    with pytest.raises(ValueError, match=f"{column} must be finite, got {wrong}"):
        BudgetExplorer(record)


@pytest.mark.parametrize(
    ("row", "column", "value", "words"),
    [
        (3, "held_out", "much", "held_out must be numbers"),
        (0, "energy", 0, "energy must be above 0, got 0"),
        (2, "train", -1, "train must be above 0, got -1"),
        (2, "n_embd", 2.5, "n_embd must be whole numbers, got 2.5"),
        (2, "parameters", 1, "width 2 has 1 parameters and 162"),
        (1, "energy", 0.01, "width 2 has two measurements at the same energy"),
    ],
)
def test_what_cannot_be_drawn(row, column, value, words):
    record = a_record().astype(object)
    record.loc[row, column] = value
    with pytest.raises(ValueError, match=words):
        BudgetExplorer(record)


def test_a_line_needs_two_measurements():
    with pytest.raises(ValueError, match="width 32 has one measurement, a line needs two"):
        BudgetExplorer(a_record().iloc[:13])


@pytest.mark.parametrize("joules", [0.009, 1001, np.nan])
def test_a_budget_outside_the_record(joules):
    figure = BudgetExplorer(a_record(), budget=20)
    for ask in (figure.at, lambda budget: BudgetExplorer(a_record(), budget=budget)):
        with pytest.raises(ValueError, match=r"the record has budgets of 0\.01 … 1000 J"):
            ask(joules)
    with pytest.raises(TraitError, match="the record has budgets of"):
        figure.budget = joules
    assert figure.budget == 20
