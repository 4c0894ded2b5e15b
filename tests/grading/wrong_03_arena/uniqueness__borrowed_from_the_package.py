"""The notebook has the arena's own under another name. Loses: uniqueness."""
# ruff: noqa: F821


def uniqueness(generated, training_names):
    return uniqueness_of_the_arena(generated, set(training_names))
