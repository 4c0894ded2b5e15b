"""`labkit sample`: a trained model writes, each character as it comes."""

import codecs
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from labkit.tokenizers import UNKNOWN, Tokenizer

from .reporting import reporting
from .tokens import SpecialOption, encode_text, first_tokens, special_policy

if TYPE_CHECKING:
    from labkit.gpt import GPT


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
    stop: Annotated[
        str | None,
        typer.Option(help="Stop after any of these characters, or after this special token.", show_default="none"),
    ] = None,
    special: SpecialOption = None,
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
            policy = special_policy(tokenizer, special)
            ids = encode_text(tokenizer, prompt, policy) if prompt else first_tokens(tokenizer)
            ends, characters = _ends(tokenizer, stop or "")
        except ValueError as error:
            raise ValueError(f"{model} cannot read that: {error}") from error
        for number in range(num_samples):
            if num_samples > 1:
                typer.echo(f"--- {number + 1} of {num_samples}")
            typer.echo(prompt or "", nl=False)
            own_seed = None if seed is None else seed if number == 0 else row_seed(seed, number)
            choices = stream(gpt, ids, max_new_tokens, sampling, stop=ends, seed=own_seed)
            for part in until(characters, text_of(tokenizer, (choice.token for choice in choices))):
                typer.echo(part, nl=False)  # echo flushes: it is seen at once
            typer.echo()


def text_of(tokenizer: Tokenizer, tokens: Iterable[int]) -> Iterator[str]:
    """The text of tokens as they come; joined, it is what `decode` makes of them all.

    A token may end inside a character: such bytes wait for the rest of theirs. What never becomes one is U+FFFD.

    Raises:
        ValueError: for a token that is not in the vocabulary.
    """
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    for token in tokens:
        if text := decoder.decode(tokenizer.token_bytes(token)):
            yield text
    if rest := decoder.decode(b"", final=True):
        yield rest


def until(characters: Collection[str], parts: Iterable[str]) -> Iterator[str]:
    """The parts of a text up to the first of these characters, and that one too."""
    for part in parts:
        at = next((i for i, character in enumerate(part) if character in characters), None)
        if at is not None:
            yield part[: at + 1]
            return
        yield part


def _ends(tokenizer: Tokenizer, stop: str) -> tuple[list[int], str]:
    """The tokens and the characters after which a text ends.

    Raises:
        ValueError: for a character that the model can never write.
    """
    if stop in tokenizer.special_tokens:
        return [tokenizer.special_tokens[stop]], ""
    unknown = tokenizer.special_tokens.get(UNKNOWN)
    if unknown is None:
        encode_text(tokenizer, stop, "text")
    else:  # a word that is unknown may be made of characters that other words have
        known = set(tokenizer.decode(token for token in range(tokenizer.vocab_size) if token != unknown))
        if never := [character for character in stop if character not in known]:
            raise ValueError(f"--stop {never[0]!r} would stop nothing: no token of this model has that character")
    return [], stop  # a token may be more than one character, so they are looked for in the text


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
