"""An honest account of generated routes: are they valid, new, shaped like real ones, varied, and of the grade asked?"""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from .board import Board
from .geometry import Comparison, RouteGeometry, compare_geometry, geometry
from .grades import difficulties, v_grade
from .novelty import Diversity, Nearest, NoveltyIndex, diversity
from .route import Route
from .validity import BASIC, STRICT, Limits, basic_problems, board_of, strict_problems

Judge = Callable[[Route], float]
"""Says how difficult a route is, on the boards' scale (10 … 33). The simulator's own grade function is the honest one:
`lambda route: climber.difficulty(boards[route.board], route.holds, route.angle)`."""


@dataclass(frozen=True)
class GradeScores:
    """How well routes have the grade that was asked for. Shares are of all routes asked for, so that one without a
    grade (not valid, or the judge said nan) is a miss.

    Attributes:
        asked: routes asked for.
        graded: those with a grade.
        exact: share with exactly the V grade.
        within_1: share at most one V grade off.
        within_2: share at most two off.
        mae: mean absolute error in V grades, of the graded; None for none.
        bias: mean of judged − wanted, of the graded: above 0 routes are too hard; None for none.
    """

    asked: int
    graded: int
    exact: float
    within_1: float
    within_2: float
    mae: float | None
    bias: float | None


@dataclass(frozen=True)
class Verdict:
    """What was found of one route.

    Attributes:
        route: likewise.
        wanted: the V grade that was asked for.
        basic: which basic rules it breaks (`validity.BASIC`).
        strict: which strict ones (`validity.STRICT`), where it breaks no basic one.
        grades: judge -> V grade; without those judges that gave none.
        nearest: the nearest real route; None without an index.
    """

    route: Route
    wanted: int
    basic: tuple[str, ...]
    strict: tuple[str, ...]
    grades: Mapping[str, int]
    nearest: Nearest | None

    @property
    def valid(self) -> bool:
        """Whether it breaks no basic rule."""
        return not self.basic

    @property
    def strictly_valid(self) -> bool:
        """Whether it breaks no rule at all."""
        return not self.basic and not self.strict


@dataclass(frozen=True)
class Evaluation:
    """All that was found.

    Attributes:
        verdicts: one a route, in the order of the routes.
        judges: names of the judges.
        limits: of the strict rules.
        diversity: of the routes among themselves; on boards that mirror, mirror images count as the same.
        geometry: key of a board -> feature -> generated beside real; boards where one side has no routes are left out.
    """

    verdicts: tuple[Verdict, ...]
    judges: tuple[str, ...]
    limits: Limits
    diversity: Diversity
    geometry: Mapping[str, Mapping[str, Comparison]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.verdicts)

    @property
    def problems(self) -> dict[str, int]:
        """Rule -> how many routes break it; a route may break several."""
        found = Counter(name for verdict in self.verdicts for name in (*verdict.basic, *verdict.strict))
        return {name: found[name] for name in (*BASIC, *STRICT)}

    def summary(self) -> dict[str, Any]:
        """Shares over all routes: see `rows`."""
        return _summary(self.verdicts, self.judges)

    def rows(self) -> list[dict[str, Any]]:
        """A table over boards × angles × grades: `board`, `angle`, `grade`, and for each of these cells

        `routes`, the shares `valid` and `strict`; with an index `similarity` (mean, to the nearest real route) and
        `copies` (share with the holds of a real one); for each judge `exact`, `within_1`, `within_2`, `mae`, `bias`,
        each after the judge's name and an underscore (`simulator_exact`). A share is 0 … 1.
        """
        cells: dict[tuple[str, int, int], list[Verdict]] = {}
        for verdict in self.verdicts:
            cells.setdefault((verdict.route.board, verdict.route.angle, verdict.wanted), []).append(verdict)
        return [
            {"board": board, "angle": angle, "grade": grade} | _summary(cells[board, angle, grade], self.judges)
            for board, angle, grade in sorted(cells)
        ]

    def to_dict(self) -> dict[str, Any]:
        """All numbers as JSON has them; the routes themselves are not in it."""
        return {
            "summary": self.summary(),
            "problems": self.problems,
            "limits": asdict(self.limits),
            "diversity": asdict(self.diversity) | {"distinct_share": self.diversity.distinct_share},
            "geometry": {
                board: {name: asdict(comparison) for name, comparison in features.items()}
                for board, features in self.geometry.items()
            },
            "rows": self.rows(),
        }


def evaluate_routes(
    routes: Iterable[Route],
    wanted: Iterable[int],
    boards: Mapping[str, Board],
    judges: Mapping[str, Judge] | None = None,
    index: NoveltyIndex | None = None,
    real: Iterable[Route] = (),
    limits: Limits | None = None,
) -> Evaluation:
    """Everything about generated routes.

    Args:
        routes: as they came, the invalid ones too: leaving those out would flatter.
        wanted: the V grade that each was asked for.
        boards: key -> board, for every board of the routes.
        judges: name -> judge, "simulator" and "encoder", say. They are asked for routes that break no basic rule.
        index: of the real routes that the generator learned from.
        real: real routes to compare shapes with, read once; those of other boards, and with holds that their board
            has not, are passed over.
        limits: of the strict rules; the defaults when left out, `Limits.from_routes` reads hold counts from data.

    Raises:
        ValueError: for no routes, another number of grades, a grade that is none, or a route on an unknown board.
    """
    routes, wanted = tuple(routes), tuple(wanted)
    if not routes:
        raise ValueError("no routes to evaluate")
    if len(routes) != len(wanted):
        raise ValueError(f"{len(routes):,} routes, but {len(wanted):,} wanted grades: each route needs its own")
    for grade in set(wanted):
        difficulties(grade)  # raises for what is no grade
    judges, limits = dict(judges or {}), limits or Limits()
    verdicts = []
    for route, grade in zip(routes, wanted, strict=True):
        board = board_of(route, boards)
        basic = basic_problems(route, board)
        verdicts.append(
            Verdict(
                route,
                grade,
                basic,
                strict_problems(route, board, limits),
                {} if basic else _judged(route, judges),
                index.nearest(route) if index is not None else None,
            )
        )
    return Evaluation(
        tuple(verdicts),
        tuple(judges),
        limits,
        diversity(routes, boards.values()),
        _geometry([verdict.route for verdict in verdicts if verdict.valid], real, boards),
    )


def grade_scores(wanted: Sequence[int], judged: Sequence[int | None]) -> GradeScores:
    """How well judged V grades meet the wanted ones; None where there is no grade.

    Raises:
        ValueError: for none, or another number of the one than of the other.

    >>> grade_scores([5, 5, 5, 5], [5, 6, 3, None])
    GradeScores(asked=4, graded=3, exact=0.25, within_1=0.5, within_2=0.75, mae=1.0, bias=-0.3333333333333333)
    """
    if not wanted or len(wanted) != len(judged):
        raise ValueError(f"as many judged as wanted grades, and at least one: {len(wanted):,} and {len(judged):,}")
    off = [b - a for a, b in zip(wanted, judged, strict=True) if b is not None]
    exact, within_1, within_2 = (sum(abs(e) <= far for e in off) / len(wanted) for far in (0, 1, 2))
    mae = sum(map(abs, off)) / len(off) if off else None
    return GradeScores(len(wanted), len(off), exact, within_1, within_2, mae, sum(off) / len(off) if off else None)


def _judged(route: Route, judges: Mapping[str, Judge]) -> dict[str, int]:
    difficulty = {name: float(judge(route)) for name, judge in judges.items()}
    return {name: v_grade(value) for name, value in difficulty.items() if math.isfinite(value)}


def _geometry(
    routes: Iterable[Route], real: Iterable[Route], boards: Mapping[str, Board]
) -> dict[str, dict[str, Comparison]]:
    ours: dict[str, list[RouteGeometry]] = {key: [] for key in boards}
    theirs: dict[str, list[RouteGeometry]] = {key: [] for key in boards}
    for side, them in ((ours, routes), (theirs, real)):
        for route in them:
            board = boards.get(route.board)
            if board and route.holds and all(hold.placement in board.placements for hold in route.holds):
                side[board.key].append(geometry(board, route.holds))
    return {key: compare_geometry(ours[key], theirs[key]) for key in boards if ours[key] and theirs[key]}


def _summary(verdicts: Sequence[Verdict], judges: Iterable[str]) -> dict[str, Any]:
    count = len(verdicts)
    found: dict[str, Any] = {
        "routes": count,
        "valid": sum(verdict.valid for verdict in verdicts) / count,
        "strict": sum(verdict.strictly_valid for verdict in verdicts) / count,
    }
    nearest = [verdict.nearest for verdict in verdicts if verdict.nearest is not None]
    if nearest:
        found["similarity"] = sum(near.similarity for near in nearest) / len(nearest)
        found["copies"] = sum(near.similarity == 1.0 for near in nearest) / len(nearest)
    for name in judges:
        scores = grade_scores([v.wanted for v in verdicts], [v.grades.get(name) for v in verdicts])
        for score in ("exact", "within_1", "within_2", "mae", "bias"):
            found[f"{name}_{score}"] = getattr(scores, score)
    return found
