"""A new name counts each time it comes. Loses: uniqueness."""


def uniqueness(generated, training_names):
    known = set(training_names)
    return sum(bool(name) and name not in known for name in generated) / len(generated)
