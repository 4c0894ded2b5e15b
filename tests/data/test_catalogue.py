import hashlib
import subprocess

import pytest

from labkit.data import CATALOGUE, SOURCES, dataset
from labkit.data.text import TEXTS
from labkit.data.topics import python_topics
from labkit.files import datasets_dir

EMBEDDED = [item for item in CATALOGUE.values() if item.kind == "embedded"]


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("LABKIT_DATA", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.mark.parametrize("item", CATALOGUE.values(), ids=CATALOGUE)
def test_every_set_has_a_card_that_agrees(item):
    card = item.card.read_text(encoding="utf-8")
    (row,) = [line for line in card.splitlines() if line.startswith("| license |")]
    if item.name == "makemore-names":
        assert 'load_names("makemore")' in card  # its card is that of the names it stands in for
    else:
        assert item.license in row
    assert "\n" not in item.about
    assert len(item.sha256) == 64
    assert item.size > 10_000


def test_every_folder_of_data_and_every_source_is_in_the_catalogue():
    assert {path.parent.name for path in datasets_dir().glob("*/*.*")} == {item.folder for item in CATALOGUE.values()}
    assert {item.name: item.source for item in CATALOGUE.values() if item.source} == SOURCES
    assert {item.name for item in CATALOGUE.values() if item.folder == "text"} == set(TEXTS)


@pytest.mark.parametrize("item", EMBEDDED, ids=lambda item: item.name)
def test_an_embedded_set_is_here_and_has_the_sum_of_its_files(item, cache):
    files = sorted(path.name for path in item.path.iterdir() if path.name != "README.md")
    listing = subprocess.run(["sha256sum", *files], cwd=item.path, capture_output=True, check=True).stdout
    assert item.sha256 == hashlib.sha256(listing).hexdigest()
    assert item.size == sum((item.path / name).stat().st_size for name in files)
    assert (item.here, item.get()) == ("yes", item.path)
    assert not cache.exists()


def test_the_built_text_is_written_once(cache):
    item = dataset("python-topics")
    assert item.here == "yes"
    path = item.get()
    content = path.read_bytes()
    assert path.parent == cache
    assert content == python_topics().encode()
    assert (item.size, item.sha256) == (len(content), hashlib.sha256(content).hexdigest())
    before = path.stat()
    assert item.get() == path
    assert path.stat().st_ino == before.st_ino  # a replaced file would be another
    path.write_text("changed")
    assert item.get().read_bytes() == content


def test_a_cache_that_is_no_folder_is_said(cache):
    cache.write_text("a file")
    with pytest.raises(OSError, match=r"cannot write to the data cache .*; let LABKIT_DATA name a folder of yours"):
        dataset("python-topics").get()


def test_whether_a_download_is_here(cache):
    item = dataset("shakespeare")
    assert item.path == cache / "tinyshakespeare.txt"
    assert item.here == "no"
    cache.mkdir()
    part = cache / "tinyshakespeare.txt.part"
    part.write_bytes(b"x" * 446_158)
    assert item.here == "partly (40 %)"
    item.path.write_bytes(b"x" * item.size)
    assert item.here == "damaged"
    with pytest.raises(ValueError, match="in the data cache is not the known file"):
        item.get()


def test_names():
    assert dataset("tinyshakespeare") is dataset("shakespeare")
    with pytest.raises(ValueError, match="unknown data set 'Nams'; did you mean 'names'\\? There are: points, games, "):
        dataset("Nams")
    with pytest.raises(ValueError, match="unknown data set 'zzz'; there are: points"):
        dataset("zzz")
