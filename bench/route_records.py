"""Chapter 6's models, trained and measured as its text quotes them, on simulated boards.

    python -m bench.route_records

trains the reader and the generator by the course's recipe, writes them to datasets/routes (in 16 bits), their curves to
bench/records/routes-history.csv, a bulk table over boards, angles and grades to bench/records/routes-bulk.csv, and all
figures to bench/records/routes.json.
"""

import argparse
import csv
import io
import json
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, replace
from datetime import date
from pathlib import Path
from typing import Any

from labkit.files import datasets_dir, write_atomic
from labkit.routes.best_of import best_of
from labkit.routes.bulk import EACH, bulk_wishes, encoder, simulator
from labkit.routes.collection import Collection
from labkit.routes.evaluation import Evaluation, evaluate_routes
from labkit.routes.generator import Generator
from labkit.routes.novelty import NoveltyIndex
from labkit.routes.reader import Reader
from labkit.routes.reading import Baseline, graded, readings
from labkit.routes.recipe import BEST_OF, GUIDANCE, SAMPLING, generator_run, reader_run
from labkit.routes.route import Route
from labkit.sampling import Sampling
from labkit.training.evaluate import perplexity
from labkit.training.gpt_run import GPTRun

from .__main__ import machine
from .records import FOLDER


def record(seed: int = 0, out: Path = FOLDER, models: Path | None = None) -> dict[str, Any]:
    """Train, measure and write; returns the figures.

    Args:
        seed: of routes and runs.
        out: where the record goes.
        models: where the models go; datasets/routes when left out.
    """
    models = models or datasets_dir() / "routes"
    seconds: dict[str, float] = {}
    collection = _timed(seconds, "simulate", lambda: Collection.simulated(seed=seed))
    reading = _timed(seconds, "encode for the reader", lambda: reader_run(collection))
    history = _timed(seconds, "train the reader", lambda: _rows("reader", reading))
    writing = _timed(seconds, "encode for the generator", lambda: generator_run(collection))
    history += _timed(seconds, "train the generator", lambda: _rows("generator", writing))
    made = {"simulated": True, "source": dict(collection.source)}
    reader, generator = reading.reader(), writing.generator(made)
    reader.model.half()
    generator.model.half()
    reader.save(models / "simulated-reader.safetensors", made)
    generator.save(models / "simulated-generator.safetensors")
    reader.model.float()
    generator.model.float()
    figures = {
        "machine": machine(),
        "date": date.today().isoformat(),
        "seconds": seconds,
        "routes": {"train": len(collection.train), "validation": len(collection.validation)},
        "perplexity": perplexity(writing.best[1]),
        "reading": read_scores(collection, reader),
    }
    started = time.perf_counter()
    evaluations, free = written_scores(collection, generator, reader, seed + 1)
    seconds["write and evaluate"] = time.perf_counter() - started
    figures["writing"] = {name: each.summary() | {"problems": each.problems} for name, each in evaluations.items()}
    figures["valid without the grammar"] = free
    figures["diversity"] = asdict(evaluations["guided, best of n"].diversity)
    _table(out / "routes-history.csv", history)
    _table(out / "routes-bulk.csv", evaluations["guided, best of n"].rows())
    write_atomic(out / "routes.json", json.dumps(figures, indent=1, ensure_ascii=False) + "\n")
    return figures


def read_scores(collection: Collection, reader: Reader) -> dict[str, Any]:
    """How well the reader and the baseline read the test routes: against recorded grades, and against the simulator's.

    Returns:
        who -> against what -> board or "all" -> the fields of a `Reading`.
    """
    routes, judge = list(collection.test), simulator(collection.boards)
    exact = [replace(route, difficulty=judge(route)) for route in routes]
    found = {"reader": reader.predict(routes), "baseline": Baseline(list(collection.train)).predict(routes)}
    found["recorded grades"] = graded(routes)
    against = {"recorded": routes, "simulator": exact}
    return {
        who: {
            what: {board: asdict(reading) for board, reading in readings(those, read).items()}
            for what, those in against.items()
        }
        for who, read in found.items()
    }


def written_scores(
    collection: Collection, generator: Generator, reader: Reader, seed: int, each: int = EACH
) -> tuple[dict[str, Evaluation], float]:
    """What is written for every board, angle and grade, with ever more help: name -> evaluation.

    And the share of valid routes without the grammar, at temperature 1.
    """
    wishes = bulk_wishes(collection.boards.values(), each)
    index = NoveltyIndex(collection.train, collection.boards.values())

    def evaluated(routes: Iterable[Route]) -> Evaluation:
        routes, wanted = list(routes), [int(wish.grade) for wish in wishes]
        judges = {"simulator": simulator(collection.boards), "encoder": encoder(reader, routes)}
        return evaluate_routes(routes, wanted, collection.boards, judges, index, collection.test)

    free = generator.write(wishes, Sampling(), 1.0, constrained=False, seed=seed)
    made: Mapping[str, list[Route]] = {
        "grammar alone": generator.routes(wishes, Sampling(), 1.0, seed),
        "grammar, cooler": generator.routes(wishes, SAMPLING, 1.0, seed),
        "guided": generator.routes(wishes, SAMPLING, GUIDANCE, seed),
        "best of n": best_of(generator, reader, wishes, BEST_OF, SAMPLING, 1.0, seed),
        "guided, best of n": best_of(generator, reader, wishes, BEST_OF, SAMPLING, GUIDANCE, seed),
    }
    valid = sum(each.route is not None for each in free) / len(free)
    return {name: evaluated(routes) for name, routes in made.items()}, valid


def _rows(name: str, run: GPTRun) -> list[dict[str, Any]]:
    """Train a run to its end: a row for each step that was evaluated, and for every tenth."""
    rows, started = [], time.perf_counter()
    for step in run:
        extra = {key: value for key, value in step.extra.items() if value == value}
        if step.step % 10 == 0 or "validation" in extra:
            seconds = round(time.perf_counter() - started, 1)
            row = {"run": name, "step": step.step, "seconds": seconds, "loss": step.loss}
            rows.append(row | {key: extra.get(key) for key in ("validation", "perplexity", "rmse")})
    return rows


def _timed(seconds: dict[str, float], name: str, work: Callable[[], Any]) -> Any:
    started = time.perf_counter()
    result = work()
    seconds[name] = round(time.perf_counter() - started, 1)
    print(f"{name}: {seconds[name]} s", flush=True)
    return result


def _table(path: Path, rows: list[dict[str, Any]]) -> None:
    lines = io.StringIO()
    writer = csv.DictWriter(lines, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({k: f"{v:.4g}" if isinstance(v, float) else v for k, v in row.items()})
    write_atomic(path, lines.getvalue())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=0)
    print(json.dumps(record(parser.parse_args().seed), indent=1))
