"""A name that comes twice counts not even once. Loses: uniqueness."""


def uniqueness(generated, training_names):
    new = [name for name in generated if name and name not in set(training_names)]
    return sum(new.count(name) == 1 for name in new) / len(generated)
