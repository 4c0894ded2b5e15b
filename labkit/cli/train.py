"""`labkit train`: a GPT from a text, kept in a file, and gone on with after a stop."""

import math
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from labkit.gpt.config import PRESETS, GPTConfig
from labkit.training.lm_config import LMConfig

from .options import field_options, flag, with_options

if TYPE_CHECKING:
    from labkit.data import Text
    from labkit.tokenizers import CharTokenizer, Tokenizer
    from labkit.training.checkpoints import Checkpoints
    from labkit.training.lm import LMRun

FIXED = ("vocab_size", "head", "n_outputs", "causal")
"""Of GPTConfig: what a language model on a text leaves no choice in."""
MOVABLE = ("device", "compile")
"""Of LMConfig: what may differ when a run is resumed, perhaps on another machine."""

FILES, TRAINING, MODEL = "Data and output", "Training", "Model"
BY_PRESET = {name: "by preset" for preset in PRESETS.values() for name in preset}
CONFIG_OPTIONS = [*field_options(LMConfig, TRAINING), *field_options(GPTConfig, MODEL, FIXED, BY_PRESET)]


@with_options(CONFIG_OPTIONS)
def train(
    *,
    text: Annotated[
        str | None,
        typer.Option(
            help="A UTF-8 text file, or the name of a text: python-topics (no network needed) or shakespeare.",
            rich_help_panel=FILES,
            show_default="python-topics",
        ),
    ] = None,
    output: Annotated[
        Path, typer.Option(help="Where the best model goes; the last state lies beside it.", rich_help_panel=FILES)
    ] = Path("gpt.safetensors"),
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from the last state, as it was set up.", rich_help_panel=FILES)
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Start anew in the place of older files.", rich_help_panel=FILES)
    ] = False,
    save_every: Annotated[
        float, typer.Option(help="Seconds between two savings of the state.", min=0.001, rich_help_panel=FILES)
    ] = 60.0,
    epochs: Annotated[
        float | None,
        typer.Option(
            help="How often to read the training text, in place of --max-steps; parts of a time are fine.",
            rich_help_panel=TRAINING,
        ),
    ] = None,
    preset: Annotated[
        Literal["micro", "gpt2", "modern"] | None,
        typer.Option(
            help="The recipe: the scalar GPT's, GPT-2's, or today's.", rich_help_panel=MODEL, show_default="modern"
        ),
    ] = None,
    **options: Any,
) -> None:
    """Train a GPT to write on, character by character, and keep the best model in a file.

    For example: labkit train --text shakespeare --epochs 5 --batch-size 64 --block-size 128 --output gpt.safetensors

    Ctrl+C stops after the step in progress and saves; --resume goes on to the same numbers as without the stop.
    """
    given = {name: value for name, value in options.items() if value is not None}
    with reporting():
        if resume and overwrite:
            raise ValueError("--resume goes on and --overwrite starts anew: give one of them")
        if epochs is not None and "max_steps" in given:
            raise ValueError("--epochs and --max-steps both say where training ends: give one of them")
        if resume:
            run, checkpoints, tokenizer = _resumed(output, text, preset, epochs, given, save_every)
        else:
            run, checkpoints, tokenizer = _fresh(output, text, preset, epochs, given, save_every, overwrite)
        _train(run, checkpoints, tokenizer)


def _fresh(
    output: Path, source: str | None, preset: str | None, epochs: float | None, given: dict, seconds: float, anew: bool
) -> "tuple[LMRun, Checkpoints, CharTokenizer]":
    """A run that begins, with its first files written."""
    text, tokenizer = _text(source or "python-topics")
    changes = {name: value for name, value in given.items() if name in GPTConfig.__dataclass_fields__}
    model = GPTConfig.preset(preset or "modern", tokenizer.vocab_size, **changes)
    training = {name: value for name, value in given.items() if name not in changes}
    if epochs is not None:
        blocks = training.get("batch_size", LMConfig.batch_size) * model.block_size
        training["max_steps"] = _steps(epochs, len(text.train), blocks)
    config = LMConfig.from_dict(training)

    from labkit.training.checkpoints import last_path

    there = [path for path in (output, last_path(output)) if path.exists()]
    if there and not anew:
        raise ValueError(
            f"{there[0]} is there already: --resume goes on with its training, --overwrite starts anew in its place, "
            "--output names another file"
        )
    about = {
        "text": {"source": source or "python-topics", "name": text.name, "digest": text.digest},
        "preset": preset or "modern",
    }
    run, checkpoints = _made(model, config, text, tokenizer, output, seconds, about)
    checkpoints.begin(run)
    return run, checkpoints, tokenizer


def _resumed(
    output: Path, source: str | None, preset: str | None, epochs: float | None, given: dict, seconds: float
) -> "tuple[LMRun, Checkpoints, CharTokenizer]":
    """The run that left its last state beside `output`; what is given must be what it was set up with."""
    from labkit.training.checkpoints import last_path, read_last

    if not last_path(output).exists():
        raise ValueError(f"nothing to resume: there is no {last_path(output)}; leave out --resume to begin")
    document = read_last(output)
    state, about = document["state"], document.get("about") or {}
    known = about.get("text") or {}
    if not isinstance(known.get("source"), str):
        raise ValueError(
            f"{last_path(output)}: it does not say what text it learned from; `labkit train` did not make it"
        )
    model, config = GPTConfig.from_dict(state["model"]), LMConfig.from_dict(state["config"])
    try:
        text, tokenizer = _text(source or known["source"])
    except (ValueError, OSError) as error:
        raise ValueError(
            f"{error}; this run learned from {known['source']!r}: --text says where that is now"
        ) from error
    stored = model.to_dict() | config.to_dict() | {"preset": about.get("preset")}
    wanted = given | ({"preset": preset} if preset else {})
    differ = [n for n, value in wanted.items() if value != stored[n] and n not in MOVABLE]
    conflicts = [f"{flag(name)} {wanted[name]} (it is {stored[name]})" for name in differ]
    if epochs is not None:
        steps = _steps(epochs, len(text.train), config.batch_size * model.block_size)
        conflicts += [f"--epochs {epochs:g} ({steps} steps; it is {config.max_steps})"] * (steps != config.max_steps)
    if text.digest != known.get("digest"):
        conflicts.append(f"--text {source or known['source']} (it is another text than {known.get('name')!r} was)")
    if conflicts:
        raise ValueError(f"--resume goes on as the run was set up; in conflict: {', '.join(conflicts)}")
    config = LMConfig.from_dict(config.to_dict() | {name: given[name] for name in MOVABLE if name in given})
    run, checkpoints = _made(model, config, text, tokenizer, output, seconds, about)
    checkpoints.resume(run)
    return run, checkpoints, tokenizer


def _text(source: str) -> "tuple[Text, CharTokenizer]":
    from labkit.data import load_text
    from labkit.tokenizers import CharTokenizer

    text = load_text(source)
    return text, CharTokenizer.from_text(text.text)


def _steps(epochs: float, n_tokens: int, tokens_per_step: int) -> int:
    """How many steps read the text so often."""
    if not 0 < epochs < math.inf:
        raise ValueError(f"--epochs must be above 0, got {epochs:g}")
    return math.ceil(epochs * n_tokens / max(1, tokens_per_step))


def _made(
    model: GPTConfig,
    config: LMConfig,
    text: "Text",
    tokenizer: "CharTokenizer",
    output: Path,
    seconds: float,
    about: dict,
) -> "tuple[LMRun, Checkpoints]":
    from labkit.gpt import GPT
    from labkit.sampling import generate
    from labkit.training.checkpoints import Checkpoints
    from labkit.training.lm import LMRun
    from labkit.training.tokens import TokenData

    def write(model: GPT, seed: int) -> str:
        return tokenizer.decode(generate(model, [first_tokens(tokenizer)], 200, seed=seed)[0])

    data = TokenData.from_ids(tokenizer.encode(text.train), tokenizer.encode(text.validation))
    run = LMRun(model, data, config, write)
    return run, Checkpoints(output, tokenizer, every_seconds=seconds, about=about)


def first_tokens(tokenizer: "Tokenizer") -> list[int]:
    """What a text begins after: the end of a line, or where there are no lines the first of the vocabulary."""
    try:
        return tokenizer.encode("\n")
    except ValueError:
        return [0]


def _train(run: "LMRun", checkpoints: "Checkpoints", tokenizer: "CharTokenizer") -> None:
    """The loop, with a bar on stderr; then what came of it on stdout."""
    from labkit.training import Diverged

    typer.echo(
        f"{run.model.n_params:,} parameters, {len(run.data.train):,} characters to learn from ({tokenizer.vocab_size} "
        f"different), on {run.device} in {str(run.precision).removeprefix('torch.')}, "
        + (f"from step {run.step}" if run.step else f"{run.max_steps} steps"),
        err=True,
    )
    try:
        with _stopping() as asked:
            _loop(run, checkpoints, asked)
            if not run.finished:
                checkpoints.save(run)
                _stopped(f"stopped after step {run.step} of {run.max_steps}; the state is in", checkpoints)
            _report(run, checkpoints)
    except KeyboardInterrupt:
        _stopped("stopped at once; the last state saved is in", checkpoints)
    except Diverged as error:
        cause = str(error).partition(". ")[0]
        typer.echo(
            f"error: training diverged: {cause}. Start anew with a lower --lr; "
            f"{checkpoints.path} and {checkpoints.last_path} are as they were last saved.",
            err=True,
        )
        raise typer.Exit(1) from None


def _loop(run: "LMRun", checkpoints: "Checkpoints", asked: threading.Event) -> None:
    from tqdm import tqdm

    with tqdm(total=run.max_steps, initial=run.step, unit="step", disable=None) as bar:
        for step in run:
            checkpoints.after_step(run)
            bar.update(1)
            best = f"{run.best[1]:.4f}" if run.best else "–"
            bar.set_postfix_str(f"loss {step.loss:.4f}, validation {best}, lr {step.lr:.2g}", refresh=False)
            if run.samples and run.samples[-1][0] == step.step:
                bar.clear()
                typer.echo(f"--- step {step.step}\n{run.samples[-1][1]}", err=True)
            if asked.is_set():
                return


def _report(run: "LMRun", checkpoints: "Checkpoints") -> None:
    """How good the model in the file is, and where it lies."""
    from labkit.training.evaluate import bits_per_character, perplexity

    step, nats = run.best or (run.step, run.evaluate())
    early = ", stopped early" if run.stopped_early else ""
    typer.echo(
        f"validation loss {nats:.4f} nats, perplexity {perplexity(nats):.3f}, "
        f"{bits_per_character(nats, run.data.characters_per_token):.4f} bits per character "
        f"(step {step} of {run.step}{early})"
    )
    typer.echo(f"the model is in {checkpoints.path}; it writes with: labkit sample {checkpoints.path}")


def _stopped(what: str, checkpoints: "Checkpoints") -> None:
    typer.echo(
        f"{what} {checkpoints.last_path}\ngo on with: labkit train --resume --output {checkpoints.path}", err=True
    )
    raise typer.Exit(130)


@contextmanager
def _stopping() -> Iterator[threading.Event]:
    """Ctrl+C is noted, for the loop to stop after the step, when the state is whole; the second one stops at once."""
    asked = threading.Event()

    def note(*_: object) -> None:
        if asked.is_set():
            raise KeyboardInterrupt
        asked.set()

    before = signal.signal(signal.SIGINT, note)
    try:
        yield asked
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def reporting() -> Iterator[None]:
    """Turn what the user has to mend into one line and exit status 1."""
    try:
        yield
    except (ValueError, OSError) as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(1) from None
