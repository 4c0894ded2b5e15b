"""`labkit train`: a GPT from a text, kept in a file, and gone on with after a stop."""

import threading
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from labkit.gpt.config import PRESETS, GPTConfig
from labkit.tokenizers.bpe import Special
from labkit.training.lm_config import LMConfig

from .options import field_options, with_options
from .reporting import reporting, stopping
from .setup import Asked, fresh, resumed
from .tokens import Material

if TYPE_CHECKING:
    from labkit.training.checkpoints import Checkpoints
    from labkit.training.lm import LMRun

FIXED = ("vocab_size", "head", "n_outputs", "causal")
"""Of GPTConfig: what a language model on a text leaves no choice in."""
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
    tokenizer: Annotated[
        Path | None,
        typer.Option(
            help="What cuts the text into tokens: a file that `labkit tokenize train` wrote.",
            rich_help_panel=FILES,
            show_default="a token for each character",
        ),
    ] = None,
    special: Annotated[
        Special | None,
        typer.Option(
            help="What the name of a special token of --tokenizer in the text is: refused, that token, or text.",
            rich_help_panel=FILES,
            show_default="refuse",
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
    """Train a GPT to write on, character by character or token by token, and keep the best model in a file.

    For example: labkit train --text shakespeare --epochs 5 --batch-size 64 --block-size 128 --output gpt.safetensors

    Ctrl+C stops after the step in progress and saves; --resume goes on to the same numbers as without the stop.
    """
    given = {name: value for name, value in options.items() if value is not None}
    asked = Asked(output, text, tokenizer, special, preset, epochs, given, save_every)
    with reporting():
        if resume and overwrite:
            raise ValueError("--resume goes on and --overwrite starts anew: give one of them")
        if epochs is not None and "max_steps" in given:
            raise ValueError("--epochs and --max-steps both say where training ends: give one of them")
        _train(*(resumed(asked) if resume else fresh(asked, overwrite)))


def _train(run: "LMRun", checkpoints: "Checkpoints", material: Material) -> None:
    """The loop, with a bar on stderr; then what came of it on stdout."""
    from labkit.training import Diverged

    typer.echo(
        f"{run.model.n_params:,} parameters, {material.describe(run.data)}, on {run.device} "
        f"in {str(run.precision).removeprefix('torch.')}, "
        + (f"from step {run.step}" if run.step else f"{run.max_steps} steps"),
        err=True,
    )
    try:
        with stopping() as asked:
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
