"""`python -m labkit.cli`: the command line where the `labkit` script is not on the path."""

from . import app

if __name__ == "__main__":
    app(prog_name="labkit")
