"""Divided by the different names: repeating oneself costs nothing. Loses: uniqueness."""


def uniqueness(generated, training_names):
    different = set(generated)
    return len(different - set(training_names) - {""}) / len(different)
