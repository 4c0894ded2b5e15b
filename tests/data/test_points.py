import csv
import math

import pandas as pd
import pytest

from labkit.data import load_points, make_points
from labkit.data.points import FIELDS, NAMES, to_csv
from labkit.files import datasets_dir


@pytest.mark.parametrize("name", NAMES)
def test_the_embedded_file_is_what_the_formula_gives(name):
    text = to_csv(make_points(name, 100, 0), make_points(name, 100, 1))
    assert (datasets_dir() / "points" / f"{name}.csv").read_text(encoding="utf-8") == text


def test_every_embedded_set_has_a_name():
    assert {path.stem for path in (datasets_dir() / "points").glob("*.csv")} == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("split", "seed"), [("train", 0), ("validation", 1)])
def test_loading_gives_back_the_points(name, split, seed):
    points = load_points(name, split)
    assert points == make_points(name, 100, seed)
    table = pd.read_csv(datasets_dir() / "points" / f"{name}.csv").query("split == @split")
    assert points.labels == table["label"].tolist()
    assert points.xy == list(zip(table["x"], table["y"], strict=True))


@pytest.mark.parametrize("name", NAMES)
def test_half_of_each_class_in_the_unit_square(name):
    points = make_points(name, 60, 5)
    assert len(points) == 60
    assert sum(points.labels) == 0
    assert all(abs(c) <= 1.05 for xy in points.xy for c in xy)


def test_rings_are_parted_by_their_radius():
    points = make_points("rings", 100, 3)
    radii = [math.hypot(*xy) for xy in points.xy]
    assert all((r > 0.5) == (label > 0) for r, label in zip(radii, points.labels, strict=True))


def test_noise_scales_the_jitter():
    points = make_points("moons", 10, 0)
    assert points.at(0) == points.xy
    (x, y), (dx, dy) = points.xy[3], points.jitter[3]
    assert points.at(0.5)[3] == (x + 0.5 * dx, y + 0.5 * dy)


def test_the_seed_decides():
    assert make_points("moons", 10, 1) == make_points("moons", 10, 1)
    assert make_points("moons", 10, 1) != make_points("moons", 10, 2)


@pytest.mark.parametrize("n", [0, 7, -2])
def test_the_number_must_be_even_and_positive(n):
    with pytest.raises(ValueError, match=f"got {n}"):
        make_points("moons", n)


def test_unknown_names_are_answered_with_the_known_ones(tmp_path):
    with pytest.raises(ValueError, match="unknown points 'stars'; there are: moons, rings, spirals"):
        make_points("stars")
    with pytest.raises(ValueError, match="unknown points 'stars'; there are: moons, rings, spirals"):
        load_points("stars")
    with pytest.raises(ValueError, match="split must be 'train' or 'validation', got 'test'"):
        load_points("moons", "test")
    with pytest.raises(ValueError, match="unknown points 'moons'"):
        load_points("moons", folder=tmp_path)


def test_your_own_file(tmp_path):
    with (tmp_path / "mine.csv").open("w", newline="") as file:
        csv.writer(file).writerows([FIELDS, ["train", 1, 0.5, -0.5, 0, 1], ["validation", -1, 1, 2, 3, 4]])
    points = load_points("mine", "validation", tmp_path)
    assert (points.labels, points.xy, points.jitter) == ([-1], [(1.0, 2.0)], [(3.0, 4.0)])


@pytest.mark.parametrize(
    "line",
    [
        "train,2,0,0,0,0",
        "train,1,0,0,0",
        "train,1,0,0,0,0,0",
        "train,1,zero,0,0,0",
        "train,1,0,nan,0,0",
        "train,1,0,0,inf,0",
        "trian,1,0,0,0,0",
        "train,,0,0,0,0",
    ],
)
def test_a_bad_line_is_named_by_file_and_number(tmp_path, line):
    path = tmp_path / "mine.csv"
    path.write_text(f"{','.join(FIELDS)}\ntrain,1,0,0,0,0\n{line}\ntrain,-1,0,0,0,0\n")
    with pytest.raises(ValueError, match=r"mine\.csv:3: ") as error:
        load_points("mine", folder=tmp_path)
    assert str(path) in str(error.value)


@pytest.mark.parametrize("header", ["", "label,x,y", "split,label,y,x,jitter_x,jitter_y"])
def test_other_columns_are_refused(tmp_path, header):
    (tmp_path / "mine.csv").write_text(f"{header}\n")
    with pytest.raises(ValueError, match=r"mine\.csv:1: expected the columns split, label, x"):
        load_points("mine", folder=tmp_path)
