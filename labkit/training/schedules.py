"""How the learning rate moves with the steps: a factor between 0 and 1 that multiplies it."""

import math
from typing import Literal, get_args

Schedule = Literal["constant", "linear", "cosine", "wsd"]
SCHEDULES = get_args(Schedule)


def lr_factor(
    schedule: Schedule,
    step: int,
    max_steps: int | None,
    warmup_steps: int = 0,
    decay_share: float = 0.5,
    end: float = 0.0,
) -> float:
    """What the learning rate is multiplied by at a step.

    Every schedule rises in a straight line over the first `warmup_steps`. Then "constant" stays at 1, "linear" falls in
    a straight line and "cosine" along half a cosine (Loshchilov & Hutter 2017) to `end` at the last step, and "wsd"
    (warm-up, stable, decay; Hu et al. 2024) stays at 1 and falls in a straight line over the last `decay_share`.

    Args:
        schedule: one of SCHEDULES.
        step: 1 for the first.
        max_steps: the last step; only "constant" can do without.
        warmup_steps: how many steps the rise takes; with `max_steps` or more of them the run ends on the rise.
        decay_share: the share of all steps in which "wsd" falls.
        end: the factor at the last step.

    Raises:
        ValueError: for an unknown schedule, or one that falls towards an end that is not known.
    """
    check_schedule(schedule, max_steps)
    if step <= warmup_steps:
        return step / (warmup_steps + 1)
    if schedule == "constant" or max_steps is None:
        return 1.0
    start = max(warmup_steps, round((1 - decay_share) * max_steps)) if schedule == "wsd" else warmup_steps
    progress = min(1.0, max(0.0, (step - start) / max(1, max_steps - start)))
    if schedule == "cosine":
        return end + (1 - end) * (1 + math.cos(math.pi * progress)) / 2
    return 1 - (1 - end) * progress


def check_schedule(schedule: str, max_steps: int | None) -> None:
    """See `lr_factor`."""
    if schedule not in SCHEDULES:
        raise ValueError(f"unknown schedule {schedule!r}; there are: {', '.join(SCHEDULES)}")
    if schedule != "constant" and max_steps is None:
        raise ValueError(f"the schedule {schedule!r} falls towards the last step: give max_steps, or take 'constant'")
