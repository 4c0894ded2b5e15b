"""`labkit` as tests call it, and the options of a training small enough for them."""

import shlex

from typer.testing import CliRunner

from labkit.cli import app

SMALL = shlex.split("--n-layer 1 --n-head 2 --n-embd 16 --block-size 8 --batch-size 4 --eval-every 3 --warmup-steps 2")
PLAIN = ["--precision", "float32", "--device", "cpu"]


def labkit(*arguments, stdin=None):
    """What the command says, and its exit code."""
    return CliRunner().invoke(app, [str(part) for part in arguments], input=stdin)


def failed(result, status=1):
    """What a command says on stderr that failed, and printed nothing."""
    assert (result.exit_code, result.stdout) == (status, ""), result.output
    return result.stderr


def succeeded(result):
    """What a command printed that went well."""
    assert result.exit_code == 0, result.output
    return result.stdout
