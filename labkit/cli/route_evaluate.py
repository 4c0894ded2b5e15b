"""`labkit routes evaluate`: how good a generator is, in a table over boards, angles and grades; and its reader."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from labkit.files import write_atomic

from .arena.text import table
from .reporting import Overwrite, check_output, interruptible, reporting
from .route_folder import (
    BestOf,
    Boards,
    Databases,
    Folder,
    Guidance,
    How,
    Temperature,
    TopK,
    TopP,
    load_models,
    paired,
)

if TYPE_CHECKING:
    from labkit.routes import Route
    from labkit.routes.collection import Collection
    from labkit.routes.evaluation import Evaluation
    from labkit.routes.generator import Generator, Wish
    from labkit.routes.reader import Reader
    from labkit.routes.reading import Reading

Each = Annotated[int | None, typer.Option("--count", help="Routes of each cell.", min=1, show_default="5")]
NAMES = {"encoder": "reader", "simulator": "simulator"}


def evaluate(
    folder: Folder,
    count: Each = None,
    temperature: Temperature = None,
    top_k: TopK = None,
    top_p: TopP = None,
    guidance: Guidance = None,
    best_of: BestOf = None,
    seed: Annotated[int, typer.Option(help="For the same routes again.", min=0)] = 0,
    database: Databases = None,
    board: Boards = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write all numbers there too.", show_default=False)
    ] = None,
    overwrite: Overwrite = False,
) -> None:
    """Write routes for every board, 5 angles and 8 grades, and say how valid, new, varied and well graded they are.

    What they are compared with, the routes that DIR learned from, is made again or read again from its databases;
    --database and --board say where these are now, if they were moved.

    For example: labkit routes evaluate route-models --count 5 --json evaluation.json
    """
    from labkit.routes.bulk import EACH, bulk_wishes

    with reporting(), interruptible():
        if json_file is not None:
            check_output(json_file, overwrite, folder.glob("*"))
        models = load_models(folder)
        how = How.asked(models.reader is not None, temperature, top_k, top_p, guidance, best_of, seed)
        collection = learned_from(folder, models.generator, paired(database, board))
        wishes = bulk_wishes(models.boards.values(), count or EACH)
        read = reading(collection, models.reader) if models.reader else {}
        routes = how.routes(models, wishes)
        found = evaluated(collection, models.reader, wishes, routes)
        free = sum(written.route is not None for written in how.free(models, wishes)) / len(wishes)
        typer.echo(describe(collection))
        if read:
            typer.echo(f"\nhow well grades are read, on {len(collection.test):,} test routes\n{reading_table(read)}")
        typer.echo(f"\nroutes by board, angle and grade\n{bulk_table(found)}")
        typer.echo(f"\nshapes beside those of test routes, in inches and holds\n{geometry_table(found)}\n")
        typer.echo("\n".join(summary(found)))
        typer.echo(f"without the grammar: {free:.1%} are valid, of the first that came")
        if json_file is not None:
            document = {
                "simulated": collection.is_simulated,
                "source": dict(collection.source),
                "how": asdict(how),
                "reading": read,
                "valid_without_grammar": free,
            }
            text = json.dumps(_finite(document | found.to_dict()), indent=1, ensure_ascii=False, allow_nan=False)
            write_atomic(json_file, text + "\n")
            typer.echo(f"all numbers are in {json_file}")


def learned_from(folder: Path, generator: "Generator", databases: Mapping[str, Path]) -> "Collection":
    """The routes that a generator learned from, once more.

    Args:
        folder: that it is in.
        generator: likewise.
        databases: board -> where its database is now; left out: where it was.

    Raises:
        ValueError: if they are not to be had, or no longer those.
    """
    from labkit.routes.collection import Collection

    source: dict[str, Any] = dict(generator.about.get("source") or {})
    if not source:
        raise ValueError(f"{folder}: its generator does not say what it learned from: train it with the command")
    files = source.get("files", {})
    if unknown := [name for name in databases if name not in files]:
        there = f"databases of {', '.join(files)}" if files else "simulated routes"
        raise ValueError(f"--board {unknown[0]}: {folder} learned from {there}")
    if files:
        source["files"] = files | {name: str(path) for name, path in databases.items()}
        for name, path in source["files"].items():
            if not Path(path).is_file():
                raise ValueError(
                    f"{path}, which {folder} learned from, is not there: say where it is now, "
                    f"with --database FILE --board {name}"
                )
    typer.echo("making its routes again …" if not files else "reading its routes again …", err=True)
    collection = Collection.of_source(source)
    if collection.tokenizer != generator.tokenizer:
        raise ValueError(f"the boards of {folder} had other holds than those now: train anew")
    return collection


def evaluated(
    collection: "Collection", reader: "Reader | None", wishes: "Sequence[Wish]", routes: "Sequence[Route]"
) -> "Evaluation":
    """All that can be told of routes, by those who can judge them."""
    from labkit.routes.bulk import encoder, simulator
    from labkit.routes.evaluation import Judge, evaluate_routes
    from labkit.routes.novelty import NoveltyIndex

    judges: dict[str, Judge] = {}
    if reader:
        judges["encoder"] = encoder(reader, routes)
    if collection.is_simulated:
        judges["simulator"] = simulator(collection.boards)
    index = NoveltyIndex(collection.train, collection.boards.values())
    wanted = [int(wish.grade) for wish in wishes]
    return evaluate_routes(routes, wanted, collection.boards, judges, index, collection.test)


def reading(collection: "Collection", reader: "Reader") -> dict[str, dict[str, Any]]:
    """How well the reader and the baseline read the test routes: board or "all" -> who -> fields of a `Reading`."""
    from labkit.routes.reading import Baseline, readings

    learned, test = (
        [route for route in routes if route.difficulty is not None] for routes in (collection.train, collection.test)
    )
    if not test:
        return {}
    found: dict[str, dict[str, Reading]] = {
        "reader": readings(test, reader.predict(test)),
        "baseline": readings(test, Baseline(learned).predict(test)),
    }
    return {board: {who: asdict(scores[board]) for who, scores in found.items()} for board in found["reader"]}


def reading_table(read: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> str:
    """`reading` as text: shares by V grade; MAE and RMSE in steps of difficulty, of which two are about a V grade."""
    rows = [
        [board, who, f"{r['n']:,}", *(f"{r[score]:.2f}" for score in ("mae", "rmse", "r2"))]
        + [_share(r[score]) for score in ("exact", "within_1", "within_2")]
        for board, by in read.items()
        for who, r in by.items()
    ]
    return table(("board", "by", "routes", "MAE", "RMSE", "R2", "exact", "within 1", "within 2"), rows)


def bulk_table(found: "Evaluation") -> str:
    """A line for each board, angle and grade."""
    columns = ["board", "angle", "grade", "routes", "valid", "strict", "nearest", "copies"]
    columns += [f"{NAMES[name]} {score}" for name in found.judges for score in ("exact", "±1")]
    rows = [
        [row["board"], row["angle"], f"V{row['grade']}", row["routes"]]
        + [_share(row[name]) for name in ("valid", "strict", "similarity", "copies")]
        + [_share(row[f"{name}_{score}"]) for name in found.judges for score in ("exact", "within_1")]
        for row in found.rows()
    ]
    return table(columns, rows)


def geometry_table(found: "Evaluation") -> str:
    """A line for each board and feature: medians, and how far the distributions are apart."""
    rows = [
        (board, name.replace("_", " "), f"{c.generated[2]:.1f}", f"{c.real[2]:.1f}", f"{c.distance:.2f}")
        for board, features in found.geometry.items()
        for name, c in features.items()
    ]
    return table(("board", "feature", "median", "of test routes", "distance"), rows)


def summary(found: "Evaluation") -> list[str]:
    """What is true of all routes together, in sentences."""
    all_, varied = found.summary(), found.diversity
    lines = [
        f"{all_['routes']:,} routes: {all_['valid']:.1%} valid, {all_['strict']:.1%} by the strict rules too",
        f"new: {all_['copies']:.1%} are copies; with the nearest route that was learned from they share "
        f"{all_['similarity']:.0%} of their holds",
        f"varied: {varied.distinct:,} of {varied.routes:,} differ"
        + ("" if varied.distance is None else f"; two share {1 - varied.distance:.1%} of their holds"),
    ]
    for name in found.judges:
        exact, one, two = (all_[f"{name}_{score}"] for score in ("exact", "within_1", "within_2"))
        lines.append(
            f"grade by the {NAMES[name]}: {exact:.1%} exact, {one:.1%} within 1, {two:.1%} within 2"
            + ("" if all_[f"{name}_bias"] is None else f", {all_[f'{name}_bias']:+.2f} grades off on average")
        )
    return lines


def describe(collection: "Collection") -> str:
    """What routes are learned from, in a line; simulated ones are said to be."""
    kind = "simulated routes on simulated boards" if collection.is_simulated else "routes from databases"
    names = " and ".join(board.config.name for board in collection.boards.values())
    sizes = (len(part) for part in (collection.train, collection.validation, collection.test))
    return kind + ", {}: {:,} to learn from, {:,} to choose by, {:,} to test on".format(names, *sizes)


def _share(x: float) -> str:
    return f"{x:.0%}"


def _finite(value: Any) -> Any:
    """What JSON has no number for (R² where all grades are the same) is null."""
    if isinstance(value, Mapping):
        return {key: _finite(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
