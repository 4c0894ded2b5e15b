import pandas as pd
import pytest

from labkit.arena import Flops
from labkit.arena.energy import JOULES_PER_FLOP
from labkit.arena.scaling import COLUMNS, GROWTH, WIDTHS, record_scaling
from labkit.files import datasets_dir


def test_a_record_of_two_small_models(tmp_path):
    path = record_scaling(tmp_path / "scaling.csv", widths=(2, 4), steps=12, n_names=3)
    record = pd.read_csv(path)
    assert tuple(record.columns) == COLUMNS
    assert record.n_embd.unique().tolist() == [2, 4]
    for width, rows in record.groupby("n_embd"):
        assert rows.step.iloc[0] == 1
        assert rows.step.iloc[-1] == 12
        # Every measurement but the last, which is due at the end, comes a quarter more energy after the one before.
        assert (rows.energy.iloc[1:-1].to_numpy() >= GROWTH * rows.energy.iloc[:-2].to_numpy() - 1e-3).all()
        cheapest = Flops(width, 1, 27).training(3) * JOULES_PER_FLOP
        assert rows.energy.iloc[-1] > 12 * cheapest
        assert rows.held_out.iloc[0] == pytest.approx(27, abs=3)  # guessing, so early


def test_the_stored_record_shows_what_the_chapter_says():
    record = pd.read_csv(datasets_dir() / "names" / "scaling.csv")
    assert tuple(record.n_embd.unique()) == WIDTHS
    assert record.groupby("n_embd").step.max().tolist() == [5000] * len(WIDTHS)
    best = []
    for budget in (0.3, 10, 200):
        paid = record[record.energy <= budget]
        best.append(int(paid.loc[paid.held_out.idxmin()].n_embd))
    assert best == [2, 4, 8]
