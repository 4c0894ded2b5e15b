"""labkit.rlhf has it. Loses: rloo_advantages."""

from labkit.rlhf.rloo import rloo_advantages  # noqa: F401
