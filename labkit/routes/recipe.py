"""How the course trains its generator and its reader of routes, and how it writes: for lab, shell and tests."""

from typing import Any

from labkit.sampling import Sampling
from labkit.training.lm_config import LMConfig

from .collection import Collection
from .reader import ReaderRun, reader_model
from .run import RouteRun, route_model

READER = LMConfig(max_steps=1200, batch_size=128, eval_every=200)
"""About 80 seconds on two cores of a server."""
GENERATOR = LMConfig(max_steps=1200, batch_size=128, eval_every=200)
"""About two and a half minutes there."""
SAMPLING = Sampling(temperature=0.6, top_p=0.9)
"""Rare tokens make blunders: one hold out of reach spoils a whole route."""
GUIDANCE = 2.0
BEST_OF = 16


def reader_run(collection: Collection, config: LMConfig | None = None, **changes: Any) -> ReaderRun:
    """The run that trains the reader of grades.

    Args:
        collection: of routes.
        config: how; `READER` when left out.
        changes: of `reader_model`.
    """
    return ReaderRun(
        reader_model(collection.tokenizer.vocab_size, **changes), collection.reader_data(), config or READER
    )


def generator_run(collection: Collection, config: LMConfig | None = None, **changes: Any) -> RouteRun:
    """The run that trains the generator.

    Args:
        collection: of routes.
        config: how; `GENERATOR` when left out.
        changes: of `route_model`.
    """
    model = route_model(collection.tokenizer.vocab_size, **changes)
    return RouteRun(model, collection.route_data(), config or GENERATOR)
