"""What all runs of a GPT share, whatever it learns from: optimisers, schedule, evaluation, the best, state."""

import math
from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, ClassVar, Protocol

import torch
from torch import Tensor

from labkit.gpt import GPT, GPTConfig
from labkit.gpt.weights import check_fits, load_weights, weights_of

from .controls import Control
from .devices import check_compiler, pick_device, pick_precision
from .evaluate import mixed
from .lm_config import LMConfig
from .optimizers import load_optimizer_tensors, make_optimizers, optimizer_tensors
from .run import Diverged
from .schedules import lr_factor
from .tensor_run import TensorRun

Writer = Callable[[GPT, int], str]
"""Writes a sample: gets the model, in evaluation mode, and a seed."""

SAME = ("optimizer", "seed")
"""Fields of the config without which a state means something else."""


class Order(Protocol):
    """In which order the data comes.

    Attributes:
        epoch: how many epochs are done.
        used: how many of its items are done in this epoch.
    """

    epoch: int
    used: int

    def go_to(self, epoch: int, used: int) -> None:
        """Put the order to where it was: what comes next is what came then."""


class GPTRun(TensorRun):
    """Train a `GPT`, in batches of whatever a subclass makes of its data.

    A subclass says what the model is (`make_model`), what it learns from (`make_order`, `next_batch`), how it is
    measured (`measure`, `extras`) and how to tell its data from other data (`data_sizes`). Controls, all live: "lr"
    (at its highest: the schedule multiplies it, `Step.lr` is the product), "batch_size" and "dropout".

    Args:
        model: what kind of GPT.
        config: how it is trained.
        write: writes the samples of `config.sample_every`.
        more: controls that a subclass adds.

    Raises:
        ValueError: for a device that is not here, or `compile` without a compiler.

    Attributes:
        model: the GPT, on its device.
        device: where that is.
        precision: of matrix products.
        order: which part of the data comes when.
        best: (step, validation loss) of the best evaluation, or None.
        samples: (step, text) of every sample.
        stopped_early: whether `config.patience` came to its end.
    """

    guard_every = 50  # remembering weights and optimisers costs a twentieth of a step
    data_name: ClassVar[str] = "data"
    """What `data_sizes` are of, in errors."""

    def __init__(
        self, model: GPTConfig, config: LMConfig, write: Writer | None = None, more: Iterable[Control] = ()
    ) -> None:
        if config.compile:
            check_compiler()
        self.model_config, self.config, self.write = model, config, write
        self.device = pick_device(config.device)
        self.precision = pick_precision(config.precision, self.device)
        controls = [
            Control("lr", config.lr, min(1e-6, config.lr), max(1.0, config.lr), log=True, label="learning rate"),
            Control("batch_size", config.batch_size, 1, max(256, config.batch_size), integer=True, label="batch size"),
            Control("dropout", model.dropout, 0.0, max(0.9, model.dropout)),
        ]
        super().__init__([*controls, *more], config.max_steps)

    # -- what a subclass says

    def make_model(self) -> GPT:
        """A fresh model, its weights drawn by `config.seed`."""
        return GPT(self.model_config, seed=self.config.seed)

    @abstractmethod
    def make_order(self) -> Order:
        """The data in the seed's order, at its beginning."""

    @abstractmethod
    def next_batch(self, batch_size: int) -> tuple[Tensor, ...]:
        """What the next step learns from: what `GPT.loss` takes, sequences in the first dimension of each."""

    @abstractmethod
    def measure(self) -> float:
        """The loss over the whole validation split."""

    @abstractmethod
    def extras(self, validation: float) -> dict[str, float]:
        """What a step that evaluated reports: "validation", and what can be told from it. The names are always
        the same.
        """

    @abstractmethod
    def data_sizes(self) -> dict[str, int]:
        """By which a state of other data is known."""

    # -- the run

    def build(self) -> None:
        """A fresh model and optimisers, and the data in the seed's order."""
        config = self.config
        self.model = self.make_model().to(self.device)
        self._loss = torch.compile(self.model.loss) if config.compile else self.model.loss
        self.optimizers = make_optimizers(
            self.model, config.optimizer, config.lr, config.weight_decay, (config.beta1, config.beta2), config.momentum
        )
        self.order = self.make_order()
        self.random = torch.Generator().manual_seed(config.seed).get_state()
        self.best: tuple[int, float] | None = None
        self._best_weights: dict[str, Tensor] = {}
        self.samples: list[tuple[int, str]] = []
        self._worse = 0
        self.stopped_early = False

    # -- a step

    def train_step(self) -> dict[str, float]:
        """One batch: loss, gradients, update; then, when due, an evaluation and a sample."""
        number, config = self.step + 1, self.config
        lr = self.controls["lr"] * lr_factor(
            config.schedule, number, self.max_steps, config.warmup_steps, config.decay_share, config.final_lr
        )
        self._set_dropout(self.controls["dropout"])
        batch = tuple(part.to(self.device) for part in self.next_batch(int(self.controls["batch_size"])))
        with self._own_random():
            loss = self._gradients(*batch)
        norm = self._clip()
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = lr
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        measured = {"loss": loss, "grad_norm": norm, "tokens": _counted(batch[1]), "lr": lr}
        if math.isfinite(loss) and math.isfinite(norm):  # else the guard is about to go back
            measured |= self._measure(number)
        return measured

    def _gradients(self, *batch: Tensor) -> float:
        """Leave the gradient of the mean loss in the weights; returns the loss."""
        self.model.train()
        whole, total = _counted(batch[1]), 0.0
        # A batch size set live need not be divisible: then the parts are uneven, or fewer, and count by their size.
        for part in zip(*(tensor.chunk(self.config.accumulate) for tensor in batch), strict=True):
            share = _counted(part[1]) / whole
            if not share:  # nothing but padding: its mean is nan
                continue
            with mixed(self.device, self.precision):
                loss = self._loss(*part)
            (loss * share).backward()
            total += loss.item() * share
        return total

    def _measure(self, number: int) -> dict[str, float]:
        """The evaluation and the sample that are due after step `number`."""
        config, last = self.config, number == self.max_steps
        # At the beginning most happens: a sample after steps 1, 2, 4, 8 … as well.
        early = number < config.sample_every and number & (number - 1) == 0
        if config.sample_every and self.write and (early or number % config.sample_every == 0 or last):
            self.model.eval()
            with torch.no_grad():
                self.samples.append((number, self.write(self.model, config.seed + number)))
        if not config.eval_every or not (number % config.eval_every == 0 or last):
            return dict.fromkeys(self.extras(math.nan), math.nan) if config.eval_every else {}
        validation = self.evaluate()
        if validation < (self.best[1] if self.best else math.inf):  # a loss that is nan is never the best
            self.best, self._worse = (number, validation), 0
            self._best_weights = self._weights()
        else:
            self._worse += 1
            if self.config.patience and self._worse >= self.config.patience:
                self.stopped_early = True
                if self._best_weights:
                    load_weights(self.model, self._best_weights)
        return self.extras(validation)

    def evaluate(self) -> float:
        """The loss over the whole validation split."""
        with self.lock:
            return self.measure()

    @property
    def finished(self) -> bool:
        """Whether the last step is done, or `config.patience` is at its end (the best weights are back then)."""
        return self.stopped_early or super().finished

    def _weights(self) -> dict[str, Tensor]:
        """Copies, which later steps do not change."""
        return {name: p.clone() for name, p in weights_of(self.model).items()}

    def best_model(self) -> GPT:
        """A copy of the model as it was at the best evaluation; as it is now when there was none."""
        with self.lock:
            model = self.make_model().eval()
            load_weights(model, self._best_weights or weights_of(self.model))
        return model.to(self.device)

    # -- state

    def get_state(self) -> dict[str, Any]:
        """Weights, the optimisers' memories, random states, the place in the data, the best and the samples.

        Tensors stand under "tensors"; the rest is as JSON can hold it.
        """
        tensors = {f"model.{name}": p for name, p in self._weights().items()}
        tensors |= {f"optimizer.{name}": t for name, t in optimizer_tensors(self.optimizers).items()}
        tensors |= {
            f"best.{name}": p for name, p in self._best_weights.items()
        }  # replaced as a whole: no copies needed
        tensors["random"] = self.random
        return {
            "tensors": tensors,
            "model": self.model_config.to_dict(),
            "config": self.config.to_dict(),
            "data": self.data_sizes(),
            "order": [self.order.epoch, self.order.used],
            "best": list(self.best) if self.best else None,
            "worse": self._worse,
            "stopped_early": self.stopped_early,
            "samples": [list(sample) for sample in self.samples],
        }

    def set_state(self, state: dict[str, Any]) -> None:
        """Put back what `get_state` gave.

        The model, the data, and of the config `optimizer` and `seed` must be the same. The numbers are those of the
        run that was saved only where the rest of the config is, too.
        """
        own_config, own_data = self.config.to_dict(), self.data_sizes()
        for what, own, theirs, names in (
            ("a model", self.model_config.to_dict(), state["model"], None),
            ("a run", own_config, state["config"], SAME),
            (self.data_name, own_data, state["data"], None),
        ):
            if differ := [f"{k} ({theirs.get(k)}, not {own[k]})" for k in names or own if theirs.get(k) != own[k]]:
                raise ValueError(f"{what} with another {', '.join(differ)}")
        tensors: dict[str, Tensor] = state["tensors"]
        epoch, used = state["order"]
        best_step, best_loss = state["best"] or (0, math.nan)
        best_weights = {name: t.to(self.device) for name, t in _under("best", tensors).items()}
        random = tensors["random"].cpu()
        if (random.dtype, random.shape) != (self.random.dtype, self.random.shape):
            raise ValueError(f"not torch's random state: {random.dtype} {list(random.shape)}")
        samples = [(int(step), str(text)) for step, text in state["samples"]]
        if state["best"]:
            check_fits(self.model, best_weights)
        load_weights(self.model, _under("model", tensors))
        load_optimizer_tensors(self.optimizers, _under("optimizer", tensors))
        self.order.go_to(int(epoch), int(used))
        self.random, self.samples, self._best_weights = random, samples, best_weights
        self.best = (int(best_step), float(best_loss)) if state["best"] else None
        self._worse, self.stopped_early = int(state["worse"]), bool(state["stopped_early"])

    def _diverged(self, number: int, loss: float | None, what: str) -> Diverged:
        """Go back, but keep what was sound on the way here: the best model and the samples, as the history is kept."""
        kept = (self.best, self._best_weights, self._worse, self.samples)
        error = super()._diverged(number, loss, what)
        self.best, self._best_weights, self._worse, self.samples = kept
        return error

    @contextmanager
    def _own_random(self) -> Iterator[None]:
        """Dropout draws from the run's own random state, whatever else draws in the process."""
        if self.controls["dropout"] == 0:
            yield
            return
        devices = [self.device] if self.device.type == "cuda" else []
        with torch.random.fork_rng(devices):
            torch.set_rng_state(self.random)
            seed = int(torch.randint(2**62, ())) if self.device.type != "cpu" else 0
            if devices:
                torch.cuda.manual_seed(seed)
            elif self.device.type == "mps":
                torch.mps.manual_seed(seed)
            yield
            self.random = torch.get_rng_state()

    def _clip(self) -> float:
        """Shorten the gradient to `config.grad_clip`; returns the length that it had."""
        limit = self.config.grad_clip or math.inf
        return float(torch.nn.utils.clip_grad_norm_(self.model.parameters(), limit))

    def _set_dropout(self, share: float) -> None:
        for module in self.model.modules():
            if isinstance(module, torch.nn.Dropout):
                module.p = share


def _under(name: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors whose name begins with `name.`, without it."""
    return {key.removeprefix(f"{name}."): t for key, t in tensors.items() if key.startswith(f"{name}.")}


def _counted(targets: Tensor) -> int:
    """How many targets there are: numbers all count, of tokens those that are not -1."""
    return targets.numel() if targets.is_floating_point() else int((targets >= 0).sum())
