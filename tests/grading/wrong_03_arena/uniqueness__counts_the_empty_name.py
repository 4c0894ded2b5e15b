"""The empty name is taken for a new one. Loses: uniqueness."""


def uniqueness(generated, training_names):
    return len(set(generated) - set(training_names)) / len(generated)
