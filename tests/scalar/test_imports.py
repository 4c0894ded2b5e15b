"""What an import brings along, asked of a fresh interpreter."""

import subprocess
import sys

import pytest

HEAVY = ("torch", "numpy", "pandas", "matplotlib", "ipywidgets", "anywidget")


def loaded_by(module: str) -> set[str]:
    code = f"import sys, {module}; print(*(name for name in {HEAVY!r} if name in sys.modules))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    return set(result.stdout.split())


@pytest.mark.parametrize("module", ["labkit", "labkit.scalar"])
def test_the_ground_floor_needs_the_standard_library_alone(module):
    code = f"import sys; before = set(sys.modules); import {module}; print(*(set(sys.modules) - before))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    packages = {name.partition(".")[0] for name in result.stdout.split()}
    assert packages - sys.stdlib_module_names == {"labkit"}


def test_training_does_not_need_torch_or_widgets():
    assert loaded_by("labkit.training").isdisjoint({"torch", "matplotlib", "ipywidgets", "anywidget"})
