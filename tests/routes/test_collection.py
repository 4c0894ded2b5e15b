"""Routes to work with: split by climb, mirrored in the training part alone, the same again from their source."""

from dataclasses import replace

import pytest

from labkit.routes import Hold
from labkit.routes.boardlib import write_database
from labkit.routes.climber import difficulty
from labkit.routes.collection import Collection
from labkit.routes.setter import simulate
from labkit.routes.simulated import simulated_board
from labkit.routes.splits import leaks


@pytest.fixture(scope="module")
def collection():
    return Collection.simulated(600, seed=3)


def test_no_climb_is_in_two_parts(collection):
    parts = [{route.climb for route in part} for part in (collection.train, collection.validation, collection.test)]
    assert all(not a & b for i, a in enumerate(parts) for b in parts[i + 1 :])
    assert sum(len(part) for part in (collection.train, collection.validation, collection.test)) == 600
    found = leaks(collection.train, collection.test, collection.boards.values())
    assert sum(leak.count for leak in found if "climb" in leak.kind) == 0


def test_mirror_images_are_added_to_what_is_learned_where_the_board_mirrors(collection):
    learned = list(collection.learned())
    mirrored = [route for route in collection.train if route.board == "TB2"]
    assert len(learned) == len(collection.train) + len(mirrored)
    assert list(collection.learned(mirrors=False)) == list(collection.train)
    board = collection.boards["TB2"]
    position = learned.index(mirrored[0])
    image = learned[position + 1]
    for hold, twin in zip(mirrored[0].holds, image.holds, strict=True):
        assert board.placements[twin.placement].x == pytest.approx(-board.placements[hold.placement].x)
        assert board.placements[twin.placement].y == board.placements[hold.placement].y
        assert twin.role == hold.role
    assert difficulty(board, image.holds, image.angle) == pytest.approx(
        difficulty(board, mirrored[0].holds, mirrored[0].angle)
    )


def test_both_models_learn_from_the_same_routes(collection):
    writing, reading = collection.route_data(), collection.reader_data()
    assert len(writing.train) == len(reading.train) == len(list(collection.learned()))
    assert len(writing.validation) == len(reading.validation) == len(collection.validation)


def test_the_source_makes_it_again(collection):
    again = Collection.of_source(collection.source)
    assert (again.train, again.validation, again.test) == (collection.train, collection.validation, collection.test)


def test_a_database_comes_back_as_the_same_routes(tmp_path):
    board = simulated_board("kilter")
    written = list(simulate([board], 300, seed=1))
    write_database(tmp_path / "kilter.db", board, written)
    found = Collection.imported({"kilter": tmp_path / "kilter.db"})
    routes = [*found.train, *found.validation, *found.test]
    assert {(r.climb, r.angle, frozenset(r.holds)) for r in routes} == {
        (r.climb, r.angle, frozenset(r.holds)) for r in written
    }
    assert not found.is_simulated  # a database keeps no qualities
    assert any("300" in line for line in found.report)
    again = Collection.of_source(found.source)
    assert again.train == found.train


def test_what_makes_no_collection_is_refused(tmp_path):
    with pytest.raises(ValueError, match="no board 'moon'"):
        Collection.imported({"moon": tmp_path / "x.db"})
    with pytest.raises(ValueError, match="routes leave none for"):
        Collection.simulated(2)
    with pytest.raises(ValueError, match="simulated, or from databases"):
        Collection.of_source({"kind": "guessed"})


def test_routes_that_are_too_long_are_left_out_and_counted():
    board = simulated_board("tension")
    routes = list(simulate([board], 200, seed=1))
    long = tuple(Hold(placement, "middle") for placement in list(board.placements)[:41])
    found = Collection.of([board], [*routes, replace(routes[0], holds=long, climb="long")], {})
    assert sum(len(part) for part in (found.train, found.validation, found.test)) == 200
    assert any(line.startswith("1 more left out: a route of more than 40 holds") for line in found.report)
