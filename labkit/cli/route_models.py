"""`labkit routes train`: a reader of grades and a generator of routes, into a folder."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .reporting import check_output, interruptible, reporting, stopping
from .route_evaluate import Each, describe, evaluated, reading, reading_table, summary
from .route_folder import (
    FILES,
    GENERATOR,
    HISTORY,
    READER,
    ROUTES,
    BestOf,
    Boards,
    Databases,
    How,
    Models,
    paired,
    write_table,
)
from .route_history import Rows, history_rows, write_history

if TYPE_CHECKING:
    from labkit.routes.collection import Collection
    from labkit.routes.reader import Reader, ReaderRun
    from labkit.routes.run import RouteRun
    from labkit.training.gpt_run import GPTRun
    from labkit.training.lm_config import LMConfig


def train(
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="DIR", help="The folder that all goes into.")
    ] = Path("route-models"),
    n: Annotated[int | None, typer.Option(help="How many routes to simulate.", min=1, show_default="64000")] = None,
    seed: Annotated[int, typer.Option(help="Of the simulation, the training and the routes written.", min=0)] = 0,
    database: Databases = None,
    board: Boards = None,
    steps: Annotated[int | None, typer.Option(help="Of each training.", min=1, show_default="1200")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Routes a step.", min=1, show_default="128")] = None,
    lr: Annotated[float | None, typer.Option(help="The learning rate at its highest.", show_default="0.003")] = None,
    patience: Annotated[
        int, typer.Option(help="Stop after so many evaluations without a better one; 0: never.", min=0)
    ] = 0,
    reader: Annotated[
        bool, typer.Option(help="Train the reader of grades too; without it no best of n, and no grades are read.")
    ] = True,
    count: Each = None,
    best_of: BestOf = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Put it in the place of an older training.")] = False,
) -> None:
    """Train a reader of grades and a generator, on simulated routes or on those of boards' databases.

    DIR gets generator.safetensors, reader.safetensors, training_history.csv and, for every board, 5 angles and 8
    grades, generated_routes.csv. Ctrl+C stops after the step in progress and keeps the best models so far.

    For example: labkit routes train --output route-models
    """
    with reporting():
        with interruptible():
            databases = paired(database, board)
            if databases and n is not None:
                raise ValueError("--n is how many routes to simulate: leave it out with --database")
            _check_folder(output, overwrite)
            given = {"max_steps": steps, "batch_size": batch_size, "lr": lr}
            configs = _configs({name: x for name, x in given.items() if x is not None}, patience, seed, device)
            how = How.asked(reader, best_of=best_of, seed=seed)
            collection = _collected(n, seed, databases)
            first = _first_run(collection, configs, reader)
        try:
            _clear(output)
            models = _learned(output, collection, configs, first)
            _show(output, collection, models, how, count)
        except KeyboardInterrupt:
            kept = ", ".join(name for name in FILES if (output / name).exists())
            typer.echo(f"stopped; {output} has {kept}" if kept else "stopped; nothing was written", err=True)
            raise typer.Exit(130) from None


def _check_folder(output: Path, overwrite: bool) -> None:
    """That the folder can be written to, and what is lost by it is meant to be.

    Raises:
        ValueError: if not.
    """
    if output.exists() and not output.is_dir():
        raise ValueError(f"{output} is a file; --output names a folder")
    there = [name for name in FILES if (output / name).exists()]
    if there and not overwrite:
        raise ValueError(f"{output} has {', '.join(there)} already: --overwrite begins anew, --output names another")
    for name in FILES:
        check_output(output / name, True)


def _configs(changes: Mapping[str, Any], patience: int, seed: int, device: str) -> "dict[str, LMConfig]":
    """How reader and generator are trained: as the course does, but for `changes`.

    Raises:
        ValueError: for a value that cannot be.
    """
    from labkit.routes.recipe import GENERATOR as WRITING
    from labkit.routes.recipe import READER as READING
    from labkit.training.devices import pick_device

    pick_device(device)  # one that is not here is said at once
    found = {}
    for name, config in (("reader", READING), ("generator", WRITING)):
        config = replace(config, **changes, patience=patience, seed=seed, device=device)
        most = -(-(config.max_steps or config.eval_every) // 6)  # a short training too is evaluated on the way
        found[name] = replace(config, eval_every=min(config.eval_every, most))
    return found


def _collected(n: int | None, seed: int, databases: Mapping[str, Path]) -> "Collection":
    from labkit.routes.collection import N_SIMULATED, Collection

    if databases:
        collection = Collection.imported(databases)
        typer.echo("\n".join(collection.report))
    else:
        some = N_SIMULATED if n is None else n
        typer.echo(f"simulating {some:,} routes …", err=True)
        collection = Collection.simulated(some, seed)
    typer.echo(describe(collection))
    return collection


def _clear(output: Path) -> None:
    """Nothing of an older training stays: its reader is of other routes than the new generator."""
    output.mkdir(parents=True, exist_ok=True)
    for name in FILES:
        (output / name).unlink(missing_ok=True)


def _first_run(
    collection: "Collection", configs: "Mapping[str, LMConfig]", with_reader: bool
) -> "ReaderRun | RouteRun":
    """What is trained first: the reader if there is to be one."""
    from labkit.routes.recipe import generator_run, reader_run

    return reader_run(collection, configs["reader"]) if with_reader else generator_run(collection, configs["generator"])


def _learned(
    output: Path, collection: "Collection", configs: "Mapping[str, LMConfig]", run: "ReaderRun | RouteRun"
) -> Models:
    """Train, from `run` on; the best models so far and the history are in the folder whatever happens."""
    from labkit.routes.reader import ReaderRun
    from labkit.routes.recipe import generator_run

    rows: Rows = []
    reader: Reader | None = None
    if isinstance(run, ReaderRun):
        reading_run = run

        def keep_reader() -> None:
            reading_run.reader().save(output / READER, _about(collection, reading_run))

        _loop("reader", reading_run, output, rows, keep_reader)
        reader = reading_run.reader()
        writing_run = generator_run(collection, configs["generator"])
    else:
        writing_run = run

    def keep_generator() -> None:
        writing_run.generator(_about(collection, writing_run)).save(output / GENERATOR)

    _loop("generator", writing_run, output, rows, keep_generator)
    return Models(writing_run.generator(), reader)


def _loop(name: str, run: "GPTRun", output: Path, rows: Rows, keep: Callable[[], None]) -> None:
    """One training, with a bar on stderr.

    Args:
        name: of the run.
        run: to its end.
        output: the folder.
        rows: of the history, to go on with.
        keep: writes the best model.

    Raises:
        KeyboardInterrupt: after Ctrl+C, when all is written.
    """
    from tqdm import tqdm

    from labkit.training import Diverged

    typer.echo(
        f"{name}: {run.model.n_params:,} parameters, {run.data_sizes()['train']:,} routes to learn from "
        f"(mirror images among them), on {run.device}, {run.max_steps} steps",
        err=True,
    )
    best = None
    try:
        with stopping() as asked, tqdm(total=run.max_steps, desc=name, unit="step", disable=None) as bar:
            for step in run:
                if run.best != best:
                    best = run.best
                    keep()
                bar.update(1)
                bar.set_postfix_str(f"loss {step.loss:.4f}, best {best[1]:.4f}" if best else f"loss {step.loss:.4f}")
                if asked.is_set() and not run.finished:
                    if best is None:
                        keep()  # there is none better
                    typer.echo(f"stopped after step {run.step} of {run.max_steps} of the {name}", err=True)
                    raise KeyboardInterrupt
    except Diverged as error:
        cause = str(error).partition(". ")[0]
        raise ValueError(
            f"training the {name} diverged: {cause}. Start anew with a lower --lr; {output} is as it was last saved"
        ) from error
    finally:
        rows += history_rows(name, run)
        write_history(output / HISTORY, rows)
    if run.best:
        early = ", stopped early" if run.stopped_early else ""
        measured = ", ".join(f"{key} {x:.3f}" for key, x in run.extras(run.best[1]).items() if key != "validation")
        typer.echo(f"{name}: {measured} on validation routes (step {run.best[0]} of {run.step}{early})")


def _about(collection: "Collection", run: "GPTRun") -> dict[str, Any]:
    """What is to be known of a model: what it learned from, how, and how good it is."""
    step, validation = run.best or (run.step, None)
    found = {"simulated": collection.is_simulated, "source": dict(collection.source), "training": run.config.to_dict()}
    return found | {"step": step, "validation": validation}


def _show(output: Path, collection: "Collection", models: Models, how: How, count: int | None) -> None:
    """What came of it: how well grades are read, how good routes are; the bulk of these goes into the folder."""
    from labkit.routes.bulk import EACH, bulk_wishes

    wishes = bulk_wishes(models.boards.values(), count or EACH)
    routes = how.routes(models, wishes)
    write_table(output / ROUTES, routes, wishes, models.boards)
    if models.reader and (read := reading(collection, models.reader)):
        typer.echo(f"\nhow well grades are read, on {len(collection.test):,} test routes\n{reading_table(read)}")
    typer.echo("\n" + "\n".join(summary(evaluated(collection, models.reader, wishes, routes))))
    board, angle = models.boards[wishes[0].board], wishes[0].angle
    typer.echo(
        f"{', '.join(name for name in FILES if (output / name).exists())} are in {output}; more routes with: "
        f"labkit routes generate {output} --board {board.key} --angle {angle} --grade 4"
    )
