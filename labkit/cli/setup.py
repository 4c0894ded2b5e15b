"""A run as `labkit train` was asked for it: one that begins, or one that goes on from its last state."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labkit.gpt.config import GPTConfig
from labkit.tokenizers import Tokenizer
from labkit.tokenizers.bpe import Special
from labkit.training.lm_config import LMConfig

from .options import flag
from .tokens import Material, digest, first_tokens, read_tokenizer, special_policy

if TYPE_CHECKING:
    from labkit.training.checkpoints import Checkpoints
    from labkit.training.lm import LMRun
    from labkit.training.tokens import TokenData

MOVABLE = ("device", "compile")
"""Of LMConfig: what may differ when a run is resumed, perhaps on another machine."""


@dataclass(frozen=True)
class Asked:
    """What the options said; None: nothing.

    Attributes:
        output: where the best model goes.
        text: a name or a path.
        tokenizer: a tokenizer's file.
        special: what the names of special tokens in the text are.
        preset: the recipe of the model.
        epochs: how often to read the training text.
        fields: those of GPTConfig and LMConfig that were given.
        save_every: seconds between two savings.
    """

    output: Path
    text: str | None
    tokenizer: Path | None
    special: Special | None
    preset: str | None
    epochs: float | None
    fields: dict[str, Any]
    save_every: float


def fresh(asked: Asked, overwrite: bool) -> "tuple[LMRun, Checkpoints, Material]":
    """A run that begins, with its first files written."""
    from labkit.data import load_text
    from labkit.training.checkpoints import last_path

    source, preset = asked.text or "python-topics", asked.preset or "modern"
    if asked.tokenizer is None and asked.special is not None:
        raise ValueError("--special is about the special tokens of a tokenizer: give --tokenizer too")
    there = [path for path in (asked.output, last_path(asked.output)) if path.exists()]
    if there and not overwrite:
        raise ValueError(
            f"{there[0]} is there already: --resume goes on with its training, --overwrite starts anew in its place, "
            "--output names another file"
        )
    tokenizer = None if asked.tokenizer is None else read_tokenizer(asked.tokenizer)
    named = None if asked.tokenizer is None else str(asked.tokenizer)
    policy = "refuse" if tokenizer is None else special_policy(tokenizer, asked.special)
    material = Material.of(load_text(source), tokenizer, policy, named)
    changes = {name: value for name, value in asked.fields.items() if name in GPTConfig.__dataclass_fields__}
    model = GPTConfig.preset(preset, material.tokenizer.vocab_size, **changes)
    training = {name: value for name, value in asked.fields.items() if name not in changes}
    data = material.data()
    if asked.epochs is not None:
        per_step = training.get("batch_size", LMConfig.batch_size) * model.block_size
        training["max_steps"] = _steps(asked.epochs, len(data.train), per_step)
    text = material.text
    about = {"text": {"source": source, "name": text.name, "digest": text.digest}, "preset": preset}
    run, checkpoints = _made(model, LMConfig.from_dict(training), data, material, asked, about | material.about())
    checkpoints.begin(run)
    return run, checkpoints, material


def resumed(asked: Asked) -> "tuple[LMRun, Checkpoints, Material]":
    """The run that left its last state beside the model; what is asked for must be what it was set up with."""
    from labkit.data import load_text
    from labkit.training.checkpoints import last_path, read_last

    last = last_path(asked.output)
    if not last.exists():
        raise ValueError(f"nothing to resume: there is no {last}; leave out --resume to begin")
    document = read_last(asked.output)
    state, about = document["state"], document.get("about") or {}
    known, cut = about.get("text") or {}, about.get("tokenizer") or {}
    if not isinstance(known.get("source"), str):
        raise ValueError(f"{last}: it does not say what text it learned from; `labkit train` did not make it")
    model, config = GPTConfig.from_dict(state["model"]), LMConfig.from_dict(state["config"])
    try:
        text = load_text(asked.text or known["source"])
    except (ValueError, OSError) as error:
        raise ValueError(
            f"{error}; this run learned from {known['source']!r}: --text says where that is now"
        ) from error
    tokenizer, conflicts = _tokenizer(asked, cut)
    cuts_alike = not conflicts
    stored = model.to_dict() | config.to_dict() | {"preset": about.get("preset")}
    wanted = asked.fields | ({"preset": asked.preset} if asked.preset else {})
    differ = [n for n, value in wanted.items() if value != stored[n] and n not in MOVABLE]
    conflicts += [f"{flag(name)} {wanted[name]} (it is {stored[name]})" for name in differ]
    material = Material.of(text, tokenizer, cut.get("special", "refuse"), cut.get("source"))
    same_text = text.digest == known.get("digest")
    data = material.data() if cuts_alike and (same_text or asked.epochs is not None) else None
    if asked.epochs is not None and data is not None:
        steps = _steps(asked.epochs, len(data.train), config.batch_size * model.block_size)
        if steps != config.max_steps:
            conflicts.append(f"--epochs {asked.epochs:g} ({steps} steps; it is {config.max_steps})")
    if not same_text:
        conflicts.append(f"--text {asked.text or known['source']} (it is another text than {known.get('name')!r} was)")
    if conflicts or data is None:
        raise ValueError(f"--resume goes on as the run was set up; in conflict: {', '.join(conflicts)}")
    movable = {name: asked.fields[name] for name in MOVABLE if name in asked.fields}
    config = LMConfig.from_dict(config.to_dict() | movable)
    run, checkpoints = _made(model, config, data, material, asked, about)
    checkpoints.resume(run)
    return run, checkpoints, material


def _tokenizer(asked: Asked, cut: dict[str, Any]) -> tuple[Tokenizer | None, list[str]]:
    """The tokenizer that the run began with (None: of the text's characters), and what is in conflict with it.

    It is in the model's file, so that the one it came from may be gone.
    """
    conflicts = []
    if asked.special is not None and asked.special != cut.get("special"):
        none = "a run whose tokenizer finds no special tokens" if cut else "a run without --tokenizer"
        conflicts.append(f"--special {asked.special} (it is {cut.get('special', none)})")
    if not cut:
        if asked.tokenizer is not None:
            conflicts.append(f"--tokenizer {asked.tokenizer} (it is a token for each character)")
        return None, conflicts
    if asked.tokenizer is not None:
        found: Tokenizer | None = read_tokenizer(asked.tokenizer)
    else:
        from labkit.gpt import load_gpt

        try:
            found = load_gpt(asked.output)[1]
        except (ValueError, OSError) as error:
            raise ValueError(
                f"the tokenizer is not at hand ({error}); this run began with {cut.get('source')!r}: --tokenizer says "
                "where that is now"
            ) from error
    if found is None or digest(found) != cut.get("digest"):
        where = asked.tokenizer or asked.output
        conflicts.append(f"--tokenizer {where} (it is another tokenizer than {cut.get('source')!r} was)")
    return found, conflicts


def _steps(epochs: float, n_tokens: int, tokens_per_step: int) -> int:
    """How many steps read the text so often."""
    if not 0 < epochs < math.inf:
        raise ValueError(f"--epochs must be above 0, got {epochs:g}")
    return math.ceil(epochs * n_tokens / max(1, tokens_per_step))


def _made(
    model: GPTConfig, config: LMConfig, data: "TokenData", material: Material, asked: Asked, about: dict[str, Any]
) -> "tuple[LMRun, Checkpoints]":
    from labkit.gpt import GPT
    from labkit.sampling import generate
    from labkit.training.checkpoints import Checkpoints
    from labkit.training.lm import LMRun

    tokenizer = material.tokenizer

    def write(model: GPT, seed: int) -> str:
        return tokenizer.decode(generate(model, [first_tokens(tokenizer)], 200, seed=seed)[0])

    run = LMRun(model, data, config, write)
    return run, Checkpoints(asked.output, tokenizer, every_seconds=asked.save_every, about=about)
