"""All the data sets by name: what each is, under what terms, where it lies and whether it is whole."""

import difflib
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from labkit.files import datasets_dir, write_atomic

from .download import ALIASES, SOURCES, Source, cache_dir, cache_errors, fetch, partial
from .topics import python_topics, topics_file
from .transfer import Progress, digest

Kind = Literal["embedded", "downloaded", "built"]


@dataclass(frozen=True)
class Dataset:
    """A data set of the course.

    Attributes:
        name: what it is called everywhere.
        kind: "embedded" (comes with the project), "downloaded" (once, into the cache) or "built" (from
            what Python has, always offline).
        about: what it is, in a line.
        license: its terms.
        folder: the folder of datasets/ that has its card.
        source: where it is downloaded from; None for the other kinds.
    """

    name: str
    kind: Kind
    about: str
    license: str
    folder: str
    source: Source | None = None

    @property
    def card(self) -> Path:
        """Its card, a page in Markdown."""
        return datasets_dir() / self.folder / "README.md"

    @property
    def path(self) -> Path:
        """Where it lies, or will when it is fetched: a folder if it is embedded, else a file in the cache."""
        if self.kind == "embedded":
            return datasets_dir() / self.folder
        return cache_dir() / (self.source.file if self.source else topics_file())

    @property
    def size(self) -> int:
        """Its length in bytes; of an embedded one that of its files together, the card left out."""
        if self.source:
            return self.source.size
        if self.kind == "embedded":
            return sum(path.stat().st_size for path in self._files())
        return len(_topics())

    @property
    def sha256(self) -> str:
        """Its checksum, in hexadecimal: the known one of a downloaded set, computed for the other kinds.

        That of an embedded set is taken over one line for each file, as `sha256sum *` prints them.
        That of a built set differs from one Python version to another.
        """
        if self.source:
            return self.source.sha256
        if self.kind == "embedded":
            listing = "".join(f"{digest(path)}  {path.name}\n" for path in self._files())
            return hashlib.sha256(listing.encode()).hexdigest()
        return hashlib.sha256(_topics()).hexdigest()

    @property
    def here(self) -> str:
        """Whether it can be used without a network: "yes", "no", "partly (40 %)", "damaged"."""
        if not self.source:
            return "yes"
        if self.path.is_file():
            return "yes" if digest(self.path) == self.source.sha256 else "damaged"
        part = partial(self.path)
        return f"partly ({part.stat().st_size * 100 // self.source.size} %)" if part.is_file() else "no"

    def get(self, progress: Progress | None = None) -> Path:
        """Its path, after it has been downloaded or written where it was not there.

        Args:
            progress: told the bytes so far and in all, during a download.

        Raises:
            ValueError: for a wrong checksum.
            ConnectionError: if a download fails.
            OSError: if the cache cannot be written.
        """
        if self.source:
            return fetch(self.name, {self.name: self.source}, progress=progress)
        if self.kind == "built" and not (self.path.is_file() and self.path.read_bytes() == _topics()):
            with cache_errors(self.path.parent):
                write_atomic(self.path, _topics())
        return self.path

    def _files(self) -> list[Path]:
        """The files of an embedded set, by name."""
        return sorted(
            path
            for path in self.path.iterdir()
            if path.is_file() and path != self.card and not path.name.startswith(".")
        )


def _topics() -> bytes:
    return python_topics().encode()


def _downloaded(name: str, folder: str) -> Dataset:
    source = SOURCES[name]
    return Dataset(name, "downloaded", source.about, source.license, folder, source)


_ALL = (
    Dataset("points", "embedded", "two classes of points in the plane: moons, rings, spirals", "MIT", "points"),
    Dataset("games", "embedded", "descriptions of games in a language of 74 tokens", "MIT", "games"),
    Dataset("names", "embedded", "given names of many cultures, one a line", "MIT", "names"),
    _downloaded("makemore-names", "names"),
    Dataset(
        "python-topics", "built", "Python's documentation of itself, the text behind help('for')", "PSF-2.0", "text"
    ),
    _downloaded("shakespeare", "text"),
    Dataset("boards", "embedded", "training boards for climbing, and the holds of two simulated ones", "MIT", "boards"),
    Dataset("routes", "embedded", "climbing routes on the simulated boards, themselves simulated", "MIT", "routes"),
)

CATALOGUE: Mapping[str, Dataset] = {item.name: item for item in _ALL}
"""Every data set by name, in the order of the chapters."""


def dataset(name: str) -> Dataset:
    """The data set of that name.

    Raises:
        ValueError: if there is none; it lists those there are.
    """
    name = ALIASES.get(name, name)
    if name not in CATALOGUE:
        near = difflib.get_close_matches(name.lower(), CATALOGUE, n=1)
        hint = f"did you mean {near[0]!r}? There are" if near else "there are"
        raise ValueError(f"unknown data set {name!r}; {hint}: {', '.join(CATALOGUE)}")
    return CATALOGUE[name]
