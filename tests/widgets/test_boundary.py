import numpy as np
import pytest

from labkit.training import PointsRun
from labkit.widgets import Boundary


def test_the_figure_holds_net_and_points():
    run = PointsRun(width=2)
    figure = Boundary(run)
    assert figure.sizes == [2, 2, 2, 1]
    assert np.frombuffer(figure.weights, "<f4") == pytest.approx(run.model.get_weights(), rel=1e-6)
    rows = np.frombuffer(figure.points, "<f4").reshape(-1, 3)
    assert rows[:, :2] == pytest.approx(np.array(run.points.at(run.controls["noise"])), rel=1e-6)
    assert rows[:, 2].tolist() == run.points.labels


def test_update_reads_the_run_again():
    run = PointsRun(width=2)
    figure = Boundary(run)
    run.controls["width"] = 3
    run.controls["noise"] = 0.0
    run.reset()
    figure.update()
    assert figure.sizes == [2, 3, 3, 1]
    assert len(figure.weights) == 4 * len(run.model.parameters)
    rows = np.frombuffer(figure.points, "<f4").reshape(-1, 3)
    assert rows[:, :2] == pytest.approx(np.array(run.points.xy), abs=1e-6)
