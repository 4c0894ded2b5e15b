"""The folder in which commands run, and models of routes for those that need some."""

import os

import pytest

from .commands import labkit, succeeded


@pytest.fixture
def folder(tmp_path, monkeypatch, request):
    """An empty folder, but for data.txt with the module's TEXT; commands run there."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data.txt").write_text(request.module.TEXT, encoding="utf-8")
    return tmp_path


@pytest.fixture(scope="session")
def route_training(tmp_path_factory):
    """A folder that `labkit routes train` wrote after three steps on 300 routes, and what it printed."""
    folder = tmp_path_factory.mktemp("routes") / "models"
    options = ["--n", 300, "--steps", 3, "--batch-size", 8, "--count", 1, "--best-of", 1]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda _: None)  # it need not outlive a power cut
        return folder, succeeded(labkit("routes", "train", "--output", folder, *options))


@pytest.fixture
def models(route_training, tmp_path, monkeypatch):
    """That folder; commands run in another, an empty one."""
    monkeypatch.chdir(tmp_path)
    return route_training[0]
