"""tiktoken's Encoding, and the files of ranks that it reads: a token in base64 and its id on each line."""

from base64 import b64decode, b64encode
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from labkit.files import write_atomic

from .base import Tokenizer
from .bpe import BPETokenizer
from .chunk_encoder import ChunkEncoder
from .huggingface import exportable
from .patterns import PATTERNS, splitter

if TYPE_CHECKING:
    import tiktoken


def to_tiktoken(tokenizer: Tokenizer, name: str = "labkit") -> "tiktoken.Encoding":
    """An Encoding with the same ids. tiktoken is an optional package.

    tiktoken keeps no merges: it joins any two neighbours that make a token together. That gives the same ids if each
    token's own bytes are merged into that token, and so does every tokenizer that was learned from a text.

    Args:
        tokenizer: a BPE tokenizer.
        name: what the Encoding shall be called.

    Raises:
        ImportError: if tiktoken is not installed.
        ValueError: for another kind than BPE, and where tiktoken would give other ids: if two ids have the same
            bytes, if the merges never make a token, or if one special token's name begins with another's.
    """
    try:
        import tiktoken
    except ImportError as error:
        raise ImportError("to_tiktoken needs the package tiktoken: pip install tiktoken") from error
    bpe, ranks = _ranks(tokenizer)
    return tiktoken.Encoding(
        name, pat_str=PATTERNS[bpe.pattern], mergeable_ranks=ranks, special_tokens=dict(bpe.special)
    )


def save_tiktoken(tokenizer: Tokenizer, path: str | PathLike[str]) -> Path:
    """Write the ranks as a file that tiktoken reads. It leaves out the pattern and the special tokens.

    tiktoken itself is not needed.

    Raises:
        ValueError: as `to_tiktoken`.
        OSError: if the file cannot be written.
    """
    _, ranks = _ranks(tokenizer)
    return write_atomic(path, "".join(f"{b64encode(data).decode()} {rank}\n" for data, rank in ranks.items()))


def _ranks(tokenizer: Tokenizer) -> tuple[BPETokenizer, dict[bytes, int]]:
    """The id of each token's bytes, ascending, where tiktoken gives the same ids with them."""
    bpe = exportable(tokenizer)
    encoder = ChunkEncoder(bpe.merges, bpe.byte_order)
    ranks: dict[bytes, int] = {}
    for token in range(256 + len(bpe.merges)):
        data = bpe.token_bytes(token)
        if encoder.ids(data) != (token,):
            raise ValueError(
                f"token {token}, {data!r}, is never made: the merges before it make {list(encoder.ids(data))} of its "
                "bytes. tiktoken would use it, and give other ids"
            )
        ranks[data] = token
    names = sorted(bpe.special)
    for i, longer in enumerate(names):
        for shorter in names[:i]:
            if longer.startswith(shorter):
                raise ValueError(
                    f"the special token {longer!r} begins with another, {shorter!r}; tiktoken may find either. Rename "
                    "one of them"
                )
    return bpe, ranks


def from_tiktoken_file(
    path: str | PathLike[str], pattern: str, special: Mapping[str, int] | None = None
) -> BPETokenizer:
    """The tokenizer in a file of ranks, such as cl100k_base.tiktoken.

    The file has no merges. They come back by encoding each token with the tokens before it: what two are left are the
    two that it was made of.

    Args:
        path: base64 of a token, a space, its id, on each line; ids ascend from 0, the 256 bytes come first.
        pattern: how text is cut into chunks, a name in `patterns.PATTERNS`; the file does not say.
        special: name -> id of the special tokens; the file does not say.

    Raises:
        ValueError: if it is no such file; it names the line.
        OSError: if the file cannot be read.
    """
    splitter(pattern)
    tokens = _read_ranks(path)
    byte_order = b"".join(data for data, _ in tokens[:256])
    encoder = ChunkEncoder((), byte_order)
    merges: list[tuple[int, int]] = []
    for data, number in tokens[256:]:
        parts = encoder.ids(data)
        if len(parts) != 2:
            raise ValueError(
                f"{path}, line {number}: token {256 + len(merges)}, {data!r:.80}, is made of two tokens before it, but "
                f"they leave {len(parts)} parts: {[tokens[part][0] for part in parts]!r:.200}"
            )
        left, right = parts
        encoder.add(left, right)
        merges.append((left, right))
    return BPETokenizer(tuple(merges), pattern, dict(special or {}), byte_order)


def _read_ranks(path: str | PathLike[str]) -> list[tuple[bytes, int]]:
    """The bytes of each rank, and the number of its line."""
    tokens: list[tuple[bytes, int]] = []
    seen: dict[bytes, int] = {}
    for number, line in enumerate(Path(path).read_bytes().splitlines(), start=1):
        if not line:
            continue
        where = f"{path}, line {number}"
        parts = line.split()
        try:
            data, rank = b64decode(parts[0], validate=True), int(parts[1])
            whole = len(parts) == 2
        except (ValueError, IndexError):  # binascii.Error is a ValueError
            whole = False
        if not whole:
            raise ValueError(f"{where}: a token in base64, a space and a whole number are due, got {line!r:.80}")
        if rank != len(tokens):
            raise ValueError(f"{where}: rank {len(tokens)} is due, got {rank}; ranks ascend from 0 without a gap")
        if data in seen:
            raise ValueError(f"{where}: {data!r:.80} is token {seen[data]} already")
        if (rank < 256) != (len(data) == 1):
            what = "one byte" if rank < 256 else "two bytes or more"
            raise ValueError(f"{where}: token {rank} has {what} (0 … 255 are the 256 bytes), got {data!r:.80}")
        seen[data] = rank
        tokens.append((data, number))
    if len(tokens) < 256:
        raise ValueError(f"{path}: the 256 bytes come first, but there are {len(tokens)} tokens")
    return tokens
