"""The folder in which commands run."""

import pytest


@pytest.fixture
def folder(tmp_path, monkeypatch, request):
    """An empty folder, but for data.txt with the module's TEXT; commands run there."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data.txt").write_text(request.module.TEXT, encoding="utf-8")
    return tmp_path
