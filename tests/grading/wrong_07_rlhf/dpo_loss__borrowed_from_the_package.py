"""labkit.rlhf has it. Loses: dpo_loss."""

from labkit.rlhf.dpo import dpo_loss  # noqa: F401
