"""`labkit rl`: reinforcement learning from a file of texts that somebody rewarded."""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from labkit.training.lm_config import LMConfig

from .reporting import Overwrite, check_output, interruptible, reporting, stopping
from .rl_material import LONGEST, SIZES, Material, material_of
from .tokens import SpecialOption

if TYPE_CHECKING:
    from labkit.gpt import GPT
    from labkit.rlhf.offline import OfflineRun, Weighted

FILES, TRAINING, MODEL = "Data and output", "Training", "Model, where none is given"
FRESH_LR, FINE_LR = 0.003, 0.001
SHOWN, WRITTEN = 3, 100
"""How many samples, and of how many tokens at most."""


def rl(
    *,
    offline_data: Annotated[
        Path,
        typer.Option(
            metavar="FILE",
            help="UTF-8; in each line a text and its reward: a good text|1.5, or a tab in place of the |.",
            rich_help_panel=FILES,
            show_default=False,
        ),
    ],
    model: Annotated[
        Path | None,
        typer.Option(
            help="What to begin with: a file that `labkit train` wrote.",
            rich_help_panel=FILES,
            show_default="a small GPT over the characters of the file",
        ),
    ] = None,
    special: SpecialOption = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="Where the model goes.", rich_help_panel=FILES)] = Path(
        "gpt_offline.safetensors"
    ),
    overwrite: Overwrite = False,
    epochs: Annotated[
        float, typer.Option(help="How often to read the texts; parts of a time are fine.", rich_help_panel=TRAINING)
    ] = 3.0,
    beta: Annotated[
        float,
        typer.Option(
            help="The temperature, in standard deviations of the rewards: small goes for the best texts, large learns "
            "all alike.",
            rich_help_panel=TRAINING,
        ),
    ] = 1.0,
    cap: Annotated[
        float, typer.Option(help="The most a text may weigh, where 1 is the mean.", rich_help_panel=TRAINING)
    ] = 20.0,
    lr: Annotated[
        float | None,
        typer.Option(
            help="The learning rate at its highest.",
            rich_help_panel=TRAINING,
            show_default=f"{FRESH_LR}; with --model {FINE_LR}",
        ),
    ] = None,
    batch_size: Annotated[int, typer.Option(help="Texts a step.", rich_help_panel=TRAINING)] = 16,
    seed: Annotated[
        int, typer.Option(help="Of the weights, the order, what is held out and the samples.", rich_help_panel=TRAINING)
    ] = 0,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.", rich_help_panel=TRAINING)] = "auto",
    block_size: Annotated[
        int | None,
        typer.Option(
            help="The most tokens of a text.",
            rich_help_panel=MODEL,
            show_default=f"the longest text's, up to {LONGEST}",
        ),
    ] = None,
    n_layer: Annotated[
        int | None,
        typer.Option(help="Transformer blocks.", rich_help_panel=MODEL, show_default=str(SIZES["n_layer"])),
    ] = None,
    n_head: Annotated[
        int | None, typer.Option(help="Attention heads.", rich_help_panel=MODEL, show_default=str(SIZES["n_head"]))
    ] = None,
    n_embd: Annotated[
        int | None,
        typer.Option(
            help="The width of the residual stream.", rich_help_panel=MODEL, show_default=str(SIZES["n_embd"])
        ),
    ] = None,
) -> None:
    """Train a GPT on texts by how they were rewarded: each weighs exp((reward - mean) / beta), so that bad ones fade.

    For example: labkit rl --offline-data reward_data.txt --epochs 3 --output gpt_offline.safetensors

    A tenth of the texts is held out, where there are ten or more, and the model that is best on them is kept. Ctrl+C
    stops after the step in progress and keeps the model so far; a second one stops at once, and nothing is written.
    """
    sizes = {"block_size": block_size, "n_layer": n_layer, "n_head": n_head, "n_embd": n_embd}
    given = {name: size for name, size in sizes.items() if size is not None}
    with reporting(), interruptible():
        _check(output, overwrite, [offline_data, *([model] if model else [])], epochs)
        material = material_of(offline_data, model, special, given)
        config = LMConfig(
            batch_size=batch_size,
            lr=lr if lr is not None else FINE_LR if model else FRESH_LR,
            seed=seed,
            device=device,
        )
        train, held_out = material.weighted(beta, cap, seed)
        run = _run(material, train, held_out, config, epochs)
        about = {"source": str(offline_data), "texts": len(material.scored), "beta": beta, "cap": cap, "epochs": epochs}
        _train(run, material, output, {"offline": about | {"model": str(model) if model else None}})


def _check(output: Path, overwrite: bool, sources: list[Path], epochs: float) -> None:
    """What can be said before anything is read.

    Raises:
        ValueError: for what cannot be.
    """
    if output.suffix != ".safetensors":
        raise ValueError(f"{output}: a model's file ends in .safetensors, such as gpt_offline.safetensors")
    check_output(output, overwrite, sources)
    if not 0 < epochs < math.inf:
        raise ValueError(f"--epochs must be above 0, got {epochs:g}")


def _run(
    material: Material, train: "Weighted", held_out: "Weighted | None", config: LMConfig, epochs: float
) -> "OfflineRun":
    """The run, evaluated after each epoch and at its end."""
    from dataclasses import replace

    from labkit.rlhf.offline import OfflineRun

    per_epoch = -(-len(train) // config.batch_size)
    steps = max(1, math.ceil(epochs * per_epoch))
    config = replace(
        config,
        max_steps=steps,
        warmup_steps=min(config.warmup_steps, steps // 10),
        eval_every=per_epoch if held_out else 0,
    )
    return OfflineRun(material.model, train, held_out, config)


def _train(run: "OfflineRun", material: Material, output: Path, about: dict[str, Any]) -> None:
    """The loop, with a bar on stderr; then the model's file, and what it has learned."""
    from tqdm import tqdm

    from labkit.gpt import save_gpt
    from labkit.training import Diverged

    _told(run, material)
    before = _measured(run, run.model)
    _samples("before", run.model, material, run.config.seed)
    try:
        with stopping() as asked:
            with tqdm(total=run.max_steps, unit="step", disable=None) as bar:
                for step in run:
                    bar.update(1)
                    bar.set_postfix_str(f"loss {step.loss:.4f}, mean reward {step.extra['reward']:.4g}", refresh=False)
                    if asked.is_set():
                        break
            best, (number, validation) = run.best_model(), run.best or (run.step, None)
            save_gpt(output, best, material.tokenizer, about | {"step": number, "validation": validation})
    except Diverged as error:
        cause = str(error).partition(". ")[0]
        raise ValueError(f"training diverged: {cause}. Start anew with a lower --lr; nothing was written") from error
    try:
        _samples("after", best, material, run.config.seed)
        for (name, first), last in zip(before.items(), _measured(run, best).values(), strict=True):
            typer.echo(f"reward-weighted loss of {name}: {first:.4f} nats a token before, {last:.4f} after")
        typer.echo(f"the model is in {output} (step {number} of {run.step}); it writes with: labkit sample {output}")
    except KeyboardInterrupt:
        typer.echo(f"stopped; the model is in {output}", err=True)
        raise typer.Exit(130) from None
    if not run.finished:
        typer.echo(f"stopped after step {run.step} of {run.max_steps}; {output} has the model so far", err=True)
        raise typer.Exit(130)


def _told(run: "OfflineRun", material: Material) -> None:
    """What is about to be learned, and what the weights make of it."""
    from labkit.rlhf.offline import deviation, effective_size

    rewards = [each.reward for each in material.scored]
    kept = f", {len(run.held_out)} of them held out" if run.held_out else ""
    typer.echo(
        f"{len(rewards):,} texts{kept}; rewards {min(rewards):g} … {max(rewards):g}, "
        f"mean {sum(rewards) / len(rewards):.4g}, standard deviation {deviation(rewards):.4g}; "
        f"weighted, the {len(run.texts):,} to learn from count as {effective_size(run.texts.weights):.1f}"
    )
    if not deviation(rewards):
        typer.echo("all rewards are equal: no text is learned more than another", err=True)
    typer.echo(f"{run.model.n_params:,} parameters on {run.device}, {run.max_steps} steps", err=True)


def _measured(run: "OfflineRun", model: "GPT") -> dict[str, float]:
    from labkit.rlhf.offline import weighted_nats

    parts = {"the texts": run.texts, "those held out": run.held_out}
    return {name: weighted_nats(model, texts, run.precision) for name, texts in parts.items() if texts}


def _samples(when: str, model: "GPT", material: Material, seed: int) -> None:
    """What the model writes as a text: after the end of a line, up to the next one."""
    from labkit.rlhf.scored import line_end
    from labkit.sampling import generate

    end = line_end(material.tokenizer)
    typer.echo(f"--- {when}")
    for ids in generate(model, [end] * SHOWN, WRITTEN, stop=end[-1:], seed=seed):
        typer.echo(material.tokenizer.decode(ids).rstrip("\n"))
