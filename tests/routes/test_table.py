"""Routes as CSV: what is written is read, pandas reads the same, and errors name file and line."""

import os

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labkit.routes import Hold, Route, board_configs
from labkit.routes.table import read_routes, write_routes

CONFIGS = list(board_configs().values())
HEAD = "board,angle,difficulty,frames,climb,name\n"
LINE = "TB2,40,15.9,p1r5p2r6p3r7,c,Anna\n"
ROUTE = Route("TB2", 40, (Hold(1, "start"), Hold(2, "middle"), Hold(3, "finish")), 15.9, "c", "Anna")


@pytest.fixture(autouse=True, scope="module")
def no_waiting_for_the_disk():
    """What a test writes need not outlive a power cut."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda _: None)
        yield


text = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)


@st.composite
def routes(draw):
    config = draw(st.sampled_from(CONFIGS))
    hold = st.builds(Hold, st.integers(0, 9999), st.sampled_from(list(config.roles)))
    holds = tuple(draw(st.lists(hold, min_size=1, max_size=20)))
    difficulty = draw(st.none() | st.floats(allow_nan=False, allow_infinity=False))
    return Route(config.key, draw(st.sampled_from(list(config.angles))), holds, difficulty, draw(text), draw(text))


@settings(max_examples=60)
@given(st.lists(routes(), max_size=5))
def test_what_is_written_is_read(tmp_path_factory, given_routes):
    path = tmp_path_factory.mktemp("table") / "routes.csv"
    assert write_routes(path, iter(given_routes)) == len(given_routes)
    assert list(read_routes(path)) == given_routes


def test_a_carriage_return_alone_is_quoted(tmp_path):
    odd = [Route("KIL", 0, (Hold(9, "foot"),), None, "c\r", "\r0")]
    write_routes(tmp_path / "routes.csv", odd)
    assert list(read_routes(tmp_path / "routes.csv")) == odd


def test_further_columns_are_written_and_passed_over(tmp_path):
    notes = {"asked_grade": [6, None], "note": iter(["a,b", "c"])}
    write_routes(tmp_path / "routes.csv", [ROUTE, ROUTE], further=notes)
    assert list(read_routes(tmp_path / "routes.csv")) == [ROUTE, ROUTE]
    table = pd.read_csv(tmp_path / "routes.csv", keep_default_na=False)
    assert (list(table["asked_grade"]), list(table["note"])) == (["6", ""], ["a,b", "c"])
    with pytest.raises(ValueError, match="further column needs a name"):
        write_routes(tmp_path / "wrong.csv", [ROUTE, ROUTE], further={"name": [1, 2]})
    for wrong in ([1], [1, 2, 3]):
        with pytest.raises(ValueError, match=r"wrong\.csv: the further columns \(note\) have another number of cells"):
            write_routes(tmp_path / "wrong.csv", [ROUTE, ROUTE], further={"note": wrong})
    assert not (tmp_path / "wrong.csv").exists()


def test_pandas_reads_the_same(tmp_path):
    odd = Route("KIL", 0, (Hold(9, "foot"),), None, "d", 'say "yes",\nor no: é')
    write_routes(tmp_path / "routes.csv", [ROUTE, odd])
    table = pd.read_csv(tmp_path / "routes.csv", keep_default_na=False)
    assert [tuple(map(str, row)) for row in table.itertuples(index=False)] == [
        ("TB2", "40", "15.9", "p1r5p2r6p3r7", "c", "Anna"),
        ("KIL", "0", "", "p9r15", "d", 'say "yes",\nor no: é'),
    ]


def test_a_table_out_of_a_spreadsheet(tmp_path):
    path = tmp_path / "routes.csv"
    path.write_bytes(
        "\ufeffname,climb,frames,difficulty,angle,board,note\r\nAnna,c,p1r5p2r6p3r7,15.9,40,TB2,mine\r\n".encode()
    )
    assert list(read_routes(path)) == [ROUTE]


def test_routes_are_read_as_they_are_taken(tmp_path):
    path = tmp_path / "routes.csv"
    path.write_text(HEAD + LINE + "nonsense\n")
    taken = read_routes(path)
    assert next(taken) == ROUTE
    with pytest.raises(ValueError, match=r"routes\.csv:3: the line has not the 6 cells"):
        next(taken)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", ":1: a table of routes has the columns board,.*; missing: board,angle,difficulty,frames,climb,name"),
        ("board,angle,frames,name\n", ":1: .*missing: difficulty,climb"),
        (HEAD + LINE + LINE.replace("TB2", "MOON"), ":3: there is no board 'MOON'; there are: KIL, TB2"),
        (HEAD + LINE.replace("40", "55"), r":2: the angle of Tension Board 2 is 0, 5 … 50 degrees, got '55'"),
        (HEAD + LINE.replace("40", "42"), "got '42'"),
        (HEAD + LINE.replace("40", "steep"), "got 'steep'"),
        (HEAD + LINE.replace("15.9", "V3"), ":2: a difficulty is a number, or empty .*, got 'V3'"),
        (HEAD + LINE.replace("15.9", "inf"), "got 'inf'"),
        (HEAD + LINE.replace("p2r6", "p2"), ":2: not frames such as"),
        (HEAD + LINE.replace("p2r6", "p2r13"), ":2: role 13 of placement 2 is none of Tension Board 2's"),
        (HEAD + LINE.replace("\n", ",more\n"), ":2: the line has not the 6 cells"),
        (HEAD + LINE.replace("Anna", '"Anna'), ":2: unexpected end of data"),
    ],
)
def test_errors_name_file_and_line(tmp_path, content, message):
    path = tmp_path / "routes.csv"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(ValueError, match=r"routes\.csv" + message if message[0] == ":" else message):
        list(read_routes(path))


def test_what_is_not_utf8(tmp_path):
    path = tmp_path / "routes.csv"
    path.write_bytes(HEAD.encode() + LINE.replace("Anna", "Zoë").encode("latin-1"))
    with pytest.raises(ValueError, match=r"routes\.csv is not UTF-8"):
        list(read_routes(path))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (
            Route("MOON", 40, ROUTE.holds, None, "m"),
            r"route 2 \('m'\) cannot be written to .*: there is no board 'MOON'",
        ),
        (Route("TB2", 40, (Hold(1, "thumb"),), None), "role is one of"),
        (Route("TB2", 40, ROUTE.holds, None, name="\ud800"), "surrogates not allowed"),
    ],
)
def test_what_cannot_be_written_and_the_old_file_stays(tmp_path, wrong, message):
    path = tmp_path / "routes.csv"
    path.write_text("old")
    with pytest.raises(ValueError, match=message):
        write_routes(path, [ROUTE, wrong])
    assert path.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["routes.csv"]


def test_the_boards_may_be_given(tmp_path):
    tension = board_configs()["tension"]
    assert write_routes(tmp_path / "routes.csv", [ROUTE], [tension]) == 1
    assert list(read_routes(tmp_path / "routes.csv", [tension])) == [ROUTE]
    with pytest.raises(ValueError, match="there are: KIL"):
        list(read_routes(tmp_path / "routes.csv", [board_configs()["kilter"]]))
