"""Different names, the copied ones too. Loses: uniqueness."""


def uniqueness(generated, training_names):
    return len(set(generated) - {""}) / len(generated)
