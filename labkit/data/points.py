"""Two classes of points in the plane: the data of chapter 1.

Each set is made by a formula and a seed (`make_points`), and kept as a CSV file in datasets/points so
that everyone trains on the same numbers. A point is kept clean, with one draw of a standard normal
beside it: at noise s it lies at (x + s·jitter_x, y + s·jitter_y), so a slider can turn the noise up.
"""

import csv
import io
import math
import random
from dataclasses import dataclass
from pathlib import Path

from labkit.files import datasets_dir

NAMES = ("moons", "rings", "spirals")
SPLITS = ("train", "validation")
FIELDS = ("split", "label", "x", "y", "jitter_x", "jitter_y")


@dataclass(frozen=True)
class Points:
    """A set of labelled points.

    Attributes:
        xy: the clean positions.
        jitter: one standard-normal draw per point and axis.
        labels: -1 or +1 per point.
    """

    xy: list[tuple[float, float]]
    jitter: list[tuple[float, float]]
    labels: list[int]

    def __len__(self) -> int:
        return len(self.labels)

    def at(self, noise: float) -> list[tuple[float, float]]:
        """The positions with `noise` standard deviations of scatter, in units of the plane."""
        pairs = zip(self.xy, self.jitter, strict=True)
        return [(x + noise * dx, y + noise * dy) for (x, y), (dx, dy) in pairs]


def make_points(name: str, n: int = 100, seed: int = 0) -> Points:
    """`n` points of the set `name`, half of each class, within about ±1 on both axes.

    Args:
        name: "moons" (two interleaved half circles), "rings" (a disc in a ring) or "spirals".
        n: how many; even.
        seed: seeds positions and jitter.

    Raises:
        ValueError: for an unknown name or an odd or non-positive n.
    """
    if name not in NAMES:
        raise ValueError(f"unknown points {name!r}; there are: {', '.join(NAMES)}")
    if n < 2 or n % 2:
        raise ValueError(f"make_points: n must be even and positive, got {n}")
    rng = random.Random(f"{name}-{seed}")
    shape = {"moons": _moon, "rings": _ring, "spirals": _spiral}[name]
    xy, jitter, labels = [], [], []
    for i in range(n):
        label = 1 if i % 2 else -1
        x, y = shape(label, rng)
        xy.append((round(x, 4), round(y, 4)))
        jitter.append((round(rng.gauss(0, 1), 4), round(rng.gauss(0, 1), 4)))
        labels.append(label)
    return Points(xy, jitter, labels)


def _moon(label: int, rng: random.Random) -> tuple[float, float]:
    angle = math.pi * rng.random()
    x, y = (math.cos(angle), math.sin(angle)) if label < 0 else (1 - math.cos(angle), 0.5 - math.sin(angle))
    return (x - 0.5) / 1.5, (y - 0.25) / 0.9


def _ring(label: int, rng: random.Random) -> tuple[float, float]:
    angle = 2 * math.pi * rng.random()
    # The square root spreads the points of the disc evenly over its area.
    radius = 0.35 * math.sqrt(rng.random()) if label < 0 else 0.75 + 0.2 * rng.random()
    return radius * math.cos(angle), radius * math.sin(angle)


def _spiral(label: int, rng: random.Random) -> tuple[float, float]:
    t = rng.random()
    radius = 0.1 + 0.9 * t
    angle = 1.5 * math.pi * t + (math.pi if label > 0 else 0.0)
    return radius * math.cos(angle), radius * math.sin(angle)


def to_csv(train: Points, validation: Points) -> str:
    """Both splits as the text of a CSV file."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(FIELDS)
    for split, points in zip(SPLITS, (train, validation), strict=True):
        for label, xy, jitter in zip(points.labels, points.xy, points.jitter, strict=True):
            writer.writerow([split, label, *xy, *jitter])
    return out.getvalue()


def load_points(name: str, split: str = "train", folder: Path | None = None) -> Points:
    """The points of datasets/points/NAME.csv.

    Args:
        name: "moons", "rings" or "spirals", or the stem of any CSV file in `folder`.
        split: "train" or "validation".
        folder: where to look instead of the embedded datasets.

    Raises:
        ValueError: for an unknown name or split, or a line that is not a point (file and line named).
    """
    if split not in SPLITS:
        raise ValueError(f"split must be 'train' or 'validation', got {split!r}")
    folder = folder or datasets_dir() / "points"
    path = folder / f"{name}.csv"
    if not path.is_file():
        known = ", ".join(sorted(file.stem for file in folder.glob("*.csv")))
        raise ValueError(f"unknown points {name!r}; there are: {known}")
    points = Points([], [], [])
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        if tuple(reader.fieldnames or ()) != FIELDS:
            raise ValueError(f"{path}:1: expected the columns {', '.join(FIELDS)}, got {reader.fieldnames}")
        for row in reader:
            try:
                label, x, y, dx, dy = (float(row[field]) for field in FIELDS[1:])
                valid = row["split"] in SPLITS and label in (-1, 1) and None not in row
                if not valid or not all(map(math.isfinite, (x, y, dx, dy))):
                    raise ValueError
            except (TypeError, ValueError):
                raise ValueError(
                    f"{path}:{reader.line_num}: expected train or validation, a label of -1 or 1 and four numbers, "
                    f"got {list(row.values())}"
                ) from None
            if row["split"] == split:
                points.xy.append((x, y))
                points.jitter.append((dx, dy))
                points.labels.append(int(label))
    return points
