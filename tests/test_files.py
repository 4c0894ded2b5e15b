import os
import stat

import pytest

from labkit import files
from labkit.files import datasets_dir, write_atomic


@pytest.mark.parametrize(("content", "stored"), [("naïve\n", "naïve\n".encode()), (b"\x00\r\n", b"\x00\r\n")])
def test_text_is_utf8_and_bytes_are_bytes(tmp_path, content, stored):
    path = tmp_path / "new" / "folder" / "file"
    assert write_atomic(path, content) == path
    assert path.read_bytes() == stored
    assert os.listdir(path.parent) == ["file"]


@pytest.mark.parametrize("umask", [0o022, 0o077])
def test_the_mode_is_that_of_any_new_file(tmp_path, umask):
    before = os.umask(umask)
    try:
        (tmp_path / "plain").write_text("")
        write_atomic(tmp_path / "atomic", "")
        assert os.umask(umask) == umask  # left as it was
    finally:
        os.umask(before)
    modes = {stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("plain", "atomic")}
    assert modes == {0o666 & ~umask}


def test_a_file_is_replaced_and_never_rewritten(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")
    with path.open() as reader:
        write_atomic(str(path), "new")
        assert reader.read() == "old"  # whoever had it open reads the old file to its end
    assert path.read_text() == "new"


@pytest.mark.parametrize("step", ["replace", "fsync", "chmod"])
def test_a_failure_leaves_the_old_file_and_nothing_beside_it(tmp_path, monkeypatch, step):
    path = tmp_path / "file"
    path.write_text("old")

    def fail(*args):
        raise OSError("disk full")

    monkeypatch.setattr(files.os, step, fail)
    with pytest.raises(OSError, match="disk full"):
        write_atomic(path, "new")
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["file"]


def test_an_interrupt_leaves_the_old_file_too(tmp_path, monkeypatch):
    path = tmp_path / "file"
    path.write_text("old")

    def interrupt(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(files.os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_atomic(path, "new")
    assert os.listdir(tmp_path) == ["file"]
    assert path.read_text() == "old"


def test_the_datasets_are_found_in_a_wheel_then_beside_the_package(tmp_path, monkeypatch):
    assert (datasets_dir() / "points" / "README.md").is_file()
    monkeypatch.setattr(files, "PACKAGE", tmp_path / "labkit")
    monkeypatch.setattr(files, "ROOT", tmp_path)
    with pytest.raises(FileNotFoundError, match="no datasets folder"):
        datasets_dir()
    (tmp_path / "datasets").mkdir()
    assert datasets_dir() == tmp_path / "datasets"
    (tmp_path / "labkit" / "_datasets").mkdir(parents=True)
    assert datasets_dir() == tmp_path / "labkit" / "_datasets"
