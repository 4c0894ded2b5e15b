"""The norm of all gradients together, in which the large ones hide the small ones. Loses: diagnose."""
# ruff: noqa: F821


def diagnose(examination):
    for layer in examination.units:
        if sum(not any(unit) for unit in layer) > 0.75 * len(layer):
            return "dead neurons"
    every = [g for gradients in examination.gradients.values() for g in gradients]
    if math.hypot(*every) / math.sqrt(len(every)) < 1e-5:
        return "vanishing gradients"
    ratios = sorted(update_ratio(rows, examination.after[name]) for name, rows in examination.before.items())
    ratio = ratios[len(ratios) // 2]
    if ratio > 1:
        return "learning rate too high"
    if ratio < 0.001:
        return "learning rate too low"
    return "healthy"
