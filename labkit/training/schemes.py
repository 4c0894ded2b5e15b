"""What it costs and what it buys to cut one text into characters, bytes, words or byte pairs.

Losses of different tokens do not compare: a token of four letters is harder to guess than one of one, and says more.
Here they do, in two steps. The unit is bits per byte of the text, whatever the tokens are. And each scheme has the same
compute, in floating-point operations, spent on the same trunk: it is the budget that a tokenizer has to earn its
vocabulary from. A window has as many tokens for all: then a token costs the trunk the same, and how much text a window
holds is part of what a scheme buys.
"""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from labkit.data import Text
from labkit.gpt import GPT, GPTConfig
from labkit.tokenizers import UNKNOWN, BPETokenizer, ByteTokenizer, CharTokenizer, Tokenizer, WordTokenizer

from .evaluate import bits_per_unit
from .lm import LMRun
from .lm_config import LMConfig
from .tokens import TokenData

BPE_SIZES = (512, 1024, 2048, 4096)
TRUNK = {"n_layer": 4, "n_embd": 128, "n_head": 2, "block_size": 128}
"""The model of the comparison, but for its vocabulary."""
TRAINING: dict[str, Any] = {"batch_size": 16, "lr": 0.01, "decay_share": 0.7}
"""How it is trained. One learning rate for all: at most weights (the trunk's) it acts alike whatever the tokens are."""
SPELLED = 8.0
"""Bits that each byte of an unknown word costs: no model guesses it, so it is written out."""


@dataclass(frozen=True)
class SchemeFacts:
    """What a tokenizer makes of a text, before anything is trained.

    Attributes:
        vocab_size: how many tokens there are.
        vocab_used: how many of them the training text has; no other one is ever learned.
        tokens_per_character: of the validation text.
        tokens_per_byte: likewise.
        unknown_share: of the bytes of the validation text, those in no token but <UNK>.
        n_params: of the model with this vocabulary.
        embedding_share: of them, those with a row for each token: the embeddings and the output layer.
    """

    vocab_size: int
    vocab_used: int
    tokens_per_character: float
    tokens_per_byte: float
    unknown_share: float
    n_params: int
    embedding_share: float


@dataclass(frozen=True)
class SchemeResult:
    """What a model learned of a text that was cut by one scheme.

    Attributes:
        bits_per_byte: over the whole validation text, unknown words spelled out.
        nats_per_token: the validation loss as it was trained on.
        spelled_share: of the bits, those of unknown words.
        steps: how many there were.
        tokens: how many were learned from.
        epochs: how often that is the training text.
        flops: operations spent, forward and backward.
        seconds: of wall time.
    """

    bits_per_byte: float
    nats_per_token: float
    spelled_share: float
    steps: int
    tokens: int
    epochs: float
    flops: float
    seconds: float


def make_schemes(text: Text, bpe_sizes: Sequence[int] = BPE_SIZES) -> dict[str, Tokenizer]:
    """The schemes to compare, by name, each made of the training part alone.

    Args:
        text: what to cut.
        bpe_sizes: how many tokens the BPE tokenizers have; their merges are the same, only more. The largest is also
            the vocabulary of the smaller of two word tokenizers.

    Raises:
        ValueError: for a text too short for so many tokens, or no size.
    """
    if not bpe_sizes or min(bpe_sizes) < 256:
        raise ValueError(f"make_schemes: bpe_sizes are at least one number, each 256 or more, got {bpe_sizes!r}")
    most = max(bpe_sizes)
    merges = BPETokenizer.train(text.train, most).merges
    schemes: dict[str, Tokenizer] = {
        "characters": CharTokenizer.train(text.train, unknown=True),
        "bytes": ByteTokenizer(),
    }
    schemes |= {f"BPE {size:,}": BPETokenizer(merges[: size - 256]) for size in sorted(bpe_sizes)}
    schemes[f"words, {most:,}"] = WordTokenizer.train(text.train, most)
    schemes["words, all"] = WordTokenizer.train(text.train)
    return schemes


def scheme_model(tokenizer: Tokenizer, **changes: Any) -> GPTConfig:
    """The model of the comparison, the "modern" preset as large as TRUNK, with the vocabulary of a tokenizer."""
    return GPTConfig.preset("modern", tokenizer.vocab_size, **TRUNK | changes)


def describe(tokenizer: Tokenizer, text: Text, model: GPTConfig | None = None) -> SchemeFacts:
    """What `tokenizer` makes of a text, and of a model's parameters.

    Args:
        tokenizer: any.
        text: what to cut.
        model: which model; `scheme_model` of the tokenizer when left out.

    Raises:
        ValueError: for a model with another vocabulary.
    """
    model = model or scheme_model(tokenizer)
    _check_vocabulary(tokenizer, model)
    ids = tokenizer.encode(text.validation)
    n_params, per_token = _parameters(model)
    size = len(text.validation.encode())
    return SchemeFacts(
        tokenizer.vocab_size,
        len(set(tokenizer.encode(text.train))),
        len(ids) / len(text.validation),
        len(ids) / size,
        _spelled_bytes(tokenizer, ids, size) / size,
        n_params,
        per_token / n_params,
    )


def flops_per_token(model: GPTConfig) -> float:
    r"""Operations that training on one token of a whole block takes, forward and backward.

    $6 N + 6\, n_{layer} \, block\_size \, n_{embd}$ (Kaplan et al. 2020, section 2.1): each of the N weights that are
    multiplied takes two forward and four backward; so do scores and mixing, over the half of the block that a token
    sees on average. The output layer counts. Looking up an embedding multiplies nothing, so that table does not,
    except where it is the output layer too.
    """
    n_params, _ = _parameters(model)
    looked_up = 0 if model.tied else model.vocab_size * model.n_embd
    looked_up += model.block_size * model.n_embd if model.positions == "learned" else 0
    return 6.0 * (n_params - looked_up) + 6.0 * model.n_layer * model.block_size * model.n_embd


def train_scheme(
    tokenizer: Tokenizer,
    text: Text,
    compute: float,
    seed: int = 0,
    model: GPTConfig | None = None,
    config: Mapping[str, Any] | None = None,
) -> SchemeResult:
    """Train a GPT on the tokens of a text for a given compute, and measure it in bits per byte.

    Args:
        tokenizer: how to cut; made of `text.train` alone, or the comparison is not fair.
        text: learned from and measured on, each in its part.
        compute: operations to spend (`flops_per_token` times tokens), to the nearest whole step.
        seed: of weights and data order.
        model: which model; `scheme_model` of the tokenizer when left out.
        config: fields of `LMConfig` that differ from TRAINING; not `seed`, and not `max_steps`, which the compute says.

    Raises:
        ValueError: for a config with one of those, if the compute is less than a step's, for a text too short for a
            block, for a model with another vocabulary.
        Diverged: if a loss is not finite.
    """
    model = model or scheme_model(tokenizer)
    _check_vocabulary(tokenizer, model)
    config = dict(config or {})
    for name, instead in (("seed", "the argument seed"), ("max_steps", "the argument compute, which decides it")):
        if name in config:
            raise ValueError(f"train_scheme: config holds {name} = {config[name]!r}; leave it out, and give {instead}")
    settings = LMConfig.from_dict({"seed": seed, "eval_every": 0} | TRAINING | config)
    tokens_per_step = settings.batch_size * model.block_size
    a_step = flops_per_token(model) * tokens_per_step
    if not (math.isfinite(compute) and compute >= a_step):
        raise ValueError(f"train_scheme: compute must be at least one step's, {a_step:.3g} operations, got {compute!r}")
    steps = round(compute / a_step)
    train, validation = tokenizer.encode(text.train), tokenizer.encode(text.validation)
    data = TokenData.from_ids(train, validation, len(text.validation) / max(1, len(validation)))
    run = LMRun(model, data, LMConfig.from_dict(settings.to_dict() | {"max_steps": steps}))
    started = time.perf_counter()
    for _ in run:
        pass
    nats = run.evaluate()
    bits, spelled = _bits_per_byte(tokenizer, validation, len(text.validation.encode()), nats)
    return SchemeResult(
        bits,
        nats,
        spelled / bits,
        steps,
        steps * tokens_per_step,
        steps * tokens_per_step / len(train),
        steps * a_step,
        time.perf_counter() - started,
    )


def bits_per_byte(tokenizer: Tokenizer, text: str, nats: float) -> float:
    """A loss in a unit that knows nothing of tokens: nats a token, times tokens, over the bytes of the text, in bits.

    The first token, which nothing precedes, is charged the mean of all others. Bytes of unknown words are charged 8
    bits each, beside what the model pays to say <UNK>: else a tokenizer would win by not knowing the text.

    Args:
        tokenizer: that cut the text.
        text: what the loss was measured on, all of it.
        nats: the mean loss of a token.

    Raises:
        ValueError: for an empty text.
    """
    if not text:
        raise ValueError("bits_per_byte: the text is empty, it has no bytes to divide by")
    return _bits_per_byte(tokenizer, tokenizer.encode(text), len(text.encode()), nats)[0]


def _bits_per_byte(tokenizer: Tokenizer, ids: Sequence[int], size: int, nats: float) -> tuple[float, float]:
    """Bits per byte of a text of `size` bytes, and how many of them spell unknown words."""
    spelled = SPELLED * _spelled_bytes(tokenizer, ids, size) / size
    return bits_per_unit(nats, size / len(ids)) + spelled, spelled


def _spelled_bytes(tokenizer: Tokenizer, ids: Sequence[int], size: int) -> int:
    """Of the `size` bytes that became these ids, those that no id but <UNK> stands for."""
    unknown = tokenizer.special_tokens.get(UNKNOWN)
    if unknown is None:
        return 0
    lengths = {token: len(tokenizer.token_bytes(token)) for token in set(ids)} | {unknown: 0}
    return size - sum(map(lengths.__getitem__, ids))


def _parameters(model: GPTConfig) -> tuple[int, int]:
    """How many there are, and how many of them have a row for each token; a table that is tied counts once."""
    with torch.device("meta"):  # sizes alone: no memory, no numbers drawn
        n_params = GPT(model, seed=None).n_params
    return n_params, model.vocab_size * model.n_embd * (1 if model.tied else 2)


def _check_vocabulary(tokenizer: Tokenizer, model: GPTConfig) -> None:
    if model.vocab_size != tokenizer.vocab_size:
        raise ValueError(
            f"the model has a vocabulary of {model.vocab_size:,}, the tokenizer one of {tokenizer.vocab_size:,}: make "
            "it with scheme_model(tokenizer)"
        )
