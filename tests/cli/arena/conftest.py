"""A shell of the arena that writes into a string, and what its lines print."""

import io

import pytest

from labkit.cli.arena.shell import Shell
from labkit.data.names import split_names

WORDS = ["ada", "adam", "alma", "ana", "anna", "asa", "dada", "eda", "ema", "emma", "lea", "lena", "mae", "mala"]


@pytest.fixture
def shell(tmp_path):
    """A shell on a dozen names that writes into a string."""
    return Shell(tmp_path / "arena", split_names(WORDS), stdout=io.StringIO())


@pytest.fixture
def play():
    """`play(shell, "train 5", "status")`: what the lines print."""

    def played(shell, *lines):
        start = len(shell.stdout.getvalue())
        for line in lines:
            shell.onecmd(line)
        return shell.stdout.getvalue()[start:]

    return played
