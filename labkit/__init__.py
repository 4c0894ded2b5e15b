"""labkit: the package behind the lab book, from a scalar `Value` to a GPT trained with human feedback.

Import the part that a chapter is about (`labkit.scalar`, `labkit.training`, ...). `import labkit`
alone loads nothing heavy; in particular neither it nor `labkit.scalar` imports torch.
"""

__version__ = "0.1.0"
