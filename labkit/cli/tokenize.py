"""`labkit tokenize`: learn a tokenizer from text, use it, look at it, hand it to other programs."""

import json
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Literal

import typer

from labkit.tokenizers import UNKNOWN, BPETokenizer, ByteTokenizer, CharTokenizer, Tokenizer, WordTokenizer

from . import token_views
from .reporting import Overwrite, check_output, interruptible, reporting
from .tokens import SpecialOption, encode_text, read_text, read_tokenizer, special_policy, text_pieces

app = typer.Typer(help="Tokenizers: learn one from text, use it, look at it, export it.", no_args_is_help=True)

Kind = Literal["bpe", "char", "byte", "word"]
File = Annotated[Path, typer.Argument(help="A file that `labkit tokenize train` wrote.", show_default=False)]
Output = Annotated[Path, typer.Option("--output", "-o", help="Where the file goes.", show_default=False)]

ALLOWED: dict[Kind, tuple[str, ...]] = {
    "bpe": ("--vocab-size", "--pattern", "--special-token"),
    "word": ("--vocab-size", "--pattern"),
    "char": ("--unknown",),
    "byte": (),
}
"""The options that each kind has a use for."""


@app.command()
def train(
    texts: Annotated[
        list[str],
        typer.Argument(
            metavar="TEXT…", help="UTF-8 text files, or names: python-topics or shakespeare.", show_default=False
        ),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="Where the file goes.")] = Path("tokenizer.json"),
    kind: Annotated[Kind, typer.Option(help="What tokens are.")] = "bpe",
    vocab_size: Annotated[
        int | None, typer.Option(help="How many tokens.", show_default="bpe: 4096; word: every word")
    ] = None,
    pattern: Annotated[
        Literal["gpt2", "gpt4"] | None,
        typer.Option(help="Where bpe and word cut text first.", show_default="gpt4"),
    ] = None,
    special_token: Annotated[
        list[str] | None,
        typer.Option(help="A special token of bpe, such as <|endoftext|>; may be repeated.", show_default=False),
    ] = None,
    unknown: Annotated[
        bool, typer.Option("--unknown", help=f"char: a token {UNKNOWN} for every other character.")
    ] = False,
    overwrite: Overwrite = False,
) -> None:
    """Learn a tokenizer from texts. Files may be larger than memory.

    For example: labkit tokenize train shakespeare --vocab-size 4096 --output tokenizer.json
    """
    given = {
        "--vocab-size": vocab_size,
        "--pattern": pattern,
        "--special-token": special_token,
        "--unknown": unknown or None,
    }
    with reporting(), interruptible():
        for option, value in given.items():
            if value is not None and option not in ALLOWED[kind]:
                raise ValueError(f"{option} says nothing to a {kind} tokenizer; it is for {_kinds(option)}")
        check_output(output, overwrite, texts)
        began = time.perf_counter()
        pieces = text_pieces(texts, special_token or ())
        made: Tokenizer
        if kind == "bpe":
            size = 4096 if vocab_size is None else vocab_size
            made, n_tokens, n_bytes = _learn(pieces, size, pattern or "gpt4", special_token or [])
        else:
            if kind == "word":
                made = WordTokenizer.train(pieces, vocab_size, pattern or "gpt4")
            else:
                made = CharTokenizer.train(pieces, unknown) if kind == "char" else ByteTokenizer()
            n_tokens = n_bytes = 0
            for piece in text_pieces(texts):  # once more: its length is known once the tokenizer is
                n_tokens += len(made.encode(piece))
                n_bytes += len(piece.encode())
        made.save(output)
        seconds = time.perf_counter() - began
    each = f", {n_bytes / n_tokens:.3f} bytes a token" if n_tokens else ""
    typer.echo(f"{made.vocab_size:,} tokens in {seconds:.1f} s; the text is {n_tokens:,} of them{each}")
    typer.echo(f"the tokenizer is in {output}; look at it with: labkit tokenize show {output}")


@app.command()
def encode(
    tokenizer: File,
    file: Annotated[
        str | None, typer.Argument(help="A UTF-8 text file, or - for standard input.", show_default=False)
    ] = None,
    text: Annotated[str | None, typer.Option(help="The text, in place of a file.", show_default=False)] = None,
    special: SpecialOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="As a list in JSON.")] = False,
) -> None:
    """Print the ids of a text, on one line.

    For example: labkit tokenize encode tokenizer.json --text "to be"
    """
    with reporting():
        if (file is None) == (text is None):
            raise ValueError("give either a FILE (- for standard input) or --text")
        found = read_tokenizer(tokenizer)
        policy = special_policy(found, special)
        ids = encode_text(found, text if text is not None else read_text(str(file)), policy)
        typer.echo(json.dumps(ids) if as_json else " ".join(map(str, ids)))


@app.command()
def decode(
    tokenizer: File,
    ids: Annotated[
        list[str], typer.Argument(metavar="IDS…", help="Ids, or - for those on standard input.", show_default=False)
    ],
) -> None:
    """Print the text of some ids, and nothing else: no line end is added, except on a terminal.

    For example: labkit tokenize encode tokenizer.json book.txt | labkit tokenize decode tokenizer.json - > copy.txt
    """
    with reporting():
        found = read_tokenizer(tokenizer)
        words = read_text("-") if ids == ["-"] else " ".join(ids)
        words = words.translate({ord(mark): " " for mark in ",[]"})  # a list in JSON is understood too
        text = found.decode([_whole(word) for word in words.split()])
        sys.stdout.flush()
        typer.echo(text.encode(), nl=False)  # bytes: line ends stay as they are, on every system
        if sys.stdout.isatty():
            typer.echo()


@app.command()
def show(
    tokenizer: File,
    text: Annotated[str | None, typer.Option(help="A text to cut into tokens.", show_default=False)] = None,
    token: Annotated[
        int | None, typer.Option(help="The id of a token: show how it was made.", min=0, show_default=False)
    ] = None,
    special: SpecialOption = None,
) -> None:
    """Show what a tokenizer is; with --text what it makes of a text; with --token how one token was made.

    For example: labkit tokenize show tokenizer.json --text "to be, or not to be"
    """
    with reporting():
        if text is not None and token is not None:
            raise ValueError("--text and --token ask for different views: give one of them")
        if special is not None and text is None:
            raise ValueError("--special is about the special tokens in a text: give --text too")
        found = read_tokenizer(tokenizer)
        if text is not None:
            ids = encode_text(found, text, special_policy(found, special))
            lines = [token_views.cut(found, ids, token_views.wants_colour(sys.stdout)), ""]
            lines += [*token_views.table(found, ids), "", token_views.ratio(len(ids), text)]
        else:
            lines = list(token_views.summary(found) if token is None else token_views.tree(found, token))
        typer.echo("\n".join(lines))


@app.command()
def export(
    tokenizer: File,
    output: Output,
    form: Annotated[
        Literal["huggingface", "tiktoken"],
        typer.Option(
            "--format", help="Hugging Face's tokenizer.json, or tiktoken's file of ranks.", show_default=False
        ),
    ],
    overwrite: Overwrite = False,
) -> None:
    """Write a BPE tokenizer as other programs read it; they give the same ids.

    For example: labkit tokenize export tok.json --format huggingface --output tokenizer.json
    """
    from labkit.tokenizers.formats import save_huggingface, save_tiktoken

    with reporting():
        check_output(output, overwrite, [str(tokenizer)])
        found = read_tokenizer(tokenizer)
        save = save_huggingface if form == "huggingface" else save_tiktoken
        save(found, output)
    typer.echo(f"the tokenizer is in {output}")
    if form == "tiktoken" and isinstance(found, BPETokenizer):
        special = json.dumps(dict(found.special), ensure_ascii=False)
        typer.echo(f"a file of ranks leaves out the pattern, {found.pattern}, and the special tokens, {special}")


def _learn(pieces: Iterable[str], vocab_size: int, pattern: str, special: list[str]) -> tuple[BPETokenizer, int, int]:
    """A BPE tokenizer, how many tokens the text is, and how many bytes; with a bar of the merges on stderr."""
    from tqdm import tqdm

    from labkit.tokenizers.bpe import special_names
    from labkit.tokenizers.merges import Merge

    names = special_names(special)
    n_bytes = n_special = n_ordinary = 0

    def counted() -> Iterator[str]:
        nonlocal n_bytes, n_special, n_ordinary
        for piece in pieces:
            n_bytes += len(piece.encode())
            parts = names.split(piece)
            n_special += len(parts) // 2
            n_ordinary += sum(len(part.encode()) for part in parts[::2])  # until there are merges: its bytes
            yield piece

    bar: tqdm | None = None

    def note(merge: Merge) -> None:
        nonlocal n_ordinary, bar
        n_ordinary = merge.tokens
        if bar is None:  # now, when that of the reading is gone
            total = vocab_size - 256 - len(special)
            bar = tqdm(total=total, desc="merging", unit="merge", leave=False, delay=0.2, disable=None)
        bar.set_postfix_str(f"{n_bytes / (n_ordinary + n_special):.3f} bytes a token", refresh=False)
        bar.update()

    try:
        made = BPETokenizer.train(counted(), vocab_size, pattern, special, note)
    finally:
        if bar is not None:
            bar.close()
    return made, n_ordinary + n_special, n_bytes


def _kinds(option: str) -> str:
    return " and ".join(kind for kind, options in ALLOWED.items() if option in options)


def _whole(word: str) -> int:
    if not (word.isascii() and word.isdigit()):
        raise ValueError(f"an id is a whole number, got {word!r}")
    return int(word)
