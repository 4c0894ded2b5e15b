"""The command line: `labkit --help`."""

import typer

from . import arena, book, classroom, data, lab, notebooks, rl, routes, sample, tokenize, train
from .route_draw import draw
from .route_evaluate import evaluate
from .route_generate import generate
from .route_models import train as train_routes

app = typer.Typer(
    name="labkit",
    help="The lab book: labs, book, notebooks and grading.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
)
app.add_typer(notebooks.app, name="notebooks")
app.add_typer(book.app, name="book")
app.add_typer(classroom.app, name="classroom")
app.add_typer(data.app, name="data")
app.add_typer(tokenize.app, name="tokenize")
routes.app.command("train")(train_routes)
routes.app.command("generate")(generate)
routes.app.command("evaluate")(evaluate)
routes.app.command("draw")(draw)
app.add_typer(routes.app, name="routes")
app.command("lab")(lab.lab)
app.command("arena")(arena.arena)
app.command("train")(train.train)
app.command("sample")(sample.sample)
app.command("rl")(rl.rl)
