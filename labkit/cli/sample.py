"""`labkit sample`: a trained model writes, each character as it comes."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .train import first_tokens, reporting

if TYPE_CHECKING:
    from labkit.gpt import GPT
    from labkit.tokenizers import Tokenizer


def sample(
    model: Annotated[
        Path, typer.Argument(help="A file that `labkit train` wrote: gpt.safetensors.", show_default=False)
    ],
    prompt: Annotated[
        str | None, typer.Option(help="What the text begins with.", show_default="the end of a line")
    ] = None,
    max_new_tokens: Annotated[int, typer.Option(help="How many tokens to write at most.", min=0)] = 200,
    temperature: Annotated[
        float,
        typer.Option(help="Below 1 bolder choices are rarer, above 1 more frequent; 0: always the likeliest.", min=0),
    ] = 1.0,
    top_k: Annotated[int | None, typer.Option(help="Choose among so many of the likeliest.", min=1)] = None,
    top_p: Annotated[
        float | None, typer.Option(help="Choose among the likeliest that together have this share, 0 to 1.")
    ] = None,
    repetition_penalty: Annotated[
        float, typer.Option(help="Above 1: tokens that were there are made less likely.")
    ] = 1.0,
    stop: Annotated[str | None, typer.Option(help="Stop after any of these characters.", show_default="none")] = None,
    seed: Annotated[int | None, typer.Option(help="For the same text again.", min=0, show_default="none")] = None,
    num_samples: Annotated[int, typer.Option(help="How many texts to write.", min=1)] = 1,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "cpu",
) -> None:
    """Write on from a prompt with a trained model.

    For example: labkit sample gpt.safetensors --prompt "ROMEO:" --max-new-tokens 200 --temperature 0.8 --top-k 50
    """
    with reporting():
        gpt, tokenizer = _loaded(model, device)

        from labkit.sampling import Sampling, row_seed, stream

        sampling = Sampling(temperature, top_k, top_p, repetition_penalty)
        try:
            ids = tokenizer.encode(prompt) if prompt else first_tokens(tokenizer)
            ends = tokenizer.encode(stop or "")
        except ValueError as error:
            raise ValueError(f"{model} cannot read that: {error}") from error
        for number in range(num_samples):
            if num_samples > 1:
                typer.echo(f"--- {number + 1} of {num_samples}")
            typer.echo(prompt or "", nl=False)
            own_seed = None if seed is None else seed if number == 0 else row_seed(seed, number)
            for choice in stream(gpt, ids, max_new_tokens, sampling, stop=ends, seed=own_seed):
                typer.echo(tokenizer.decode([choice.token]), nl=False)  # echo flushes: it is seen at once
            typer.echo()


def _loaded(path: Path, device: str) -> "tuple[GPT, Tokenizer]":
    """The model, and the tokenizer without which it could not be spoken with."""
    from labkit.gpt import load_gpt
    from labkit.training.devices import pick_device

    if path.is_dir():
        raise ValueError(f"{path} is a folder; `labkit sample` needs a file that `labkit train` wrote")
    if path.name.endswith(".last.safetensors"):
        raise ValueError(
            f"{path} is the state of a training; the model is {path.with_name(path.name.replace('.last.', '.'))}"
        )
    model, tokenizer, _ = load_gpt(path, pick_device(device))
    if tokenizer is None:
        raise ValueError(f"{path}: a model without a tokenizer; `labkit sample` needs a file that `labkit train` wrote")
    return model, tokenizer
