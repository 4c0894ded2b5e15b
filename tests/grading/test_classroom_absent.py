"""Without nbgrader: labkit imports, and `labkit classroom` says in one sentence what to install."""

import importlib.util
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from labkit.cli import app


@pytest.mark.parametrize("call", [["release", "01-value"], ["grade", "01-value"], ["feedback", "01-value"]])
def test_the_command_says_what_to_install(call, monkeypatch, tmp_path):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    result = CliRunner().invoke(app, ["classroom", *call, "--root", str(tmp_path)])
    assert result.exit_code == 1
    assert "nbgrader is not installed" in result.output
    assert "pip install -e .[classroom]" in result.output
    assert len(result.output.strip().splitlines()) == 1


def test_the_command_line_does_not_import_nbgrader():
    code = "import sys, labkit.cli; assert not {'nbgrader', 'nbformat', 'torch'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
