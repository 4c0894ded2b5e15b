"""Very small outputs taken for none. Loses: diagnose."""
# ruff: noqa: F821


def diagnose(examination):
    for layer in examination.units:
        if sum(max(unit) < 1e-4 for unit in layer) > 0.75 * len(layer):
            return "dead neurons"
    for gradients in examination.gradients.values():
        if math.hypot(*gradients) / math.sqrt(len(gradients)) < 1e-7:
            return "vanishing gradients"
    ratios = sorted(update_ratio(rows, examination.after[name]) for name, rows in examination.before.items())
    ratio = ratios[len(ratios) // 2]
    if ratio > 1:
        return "learning rate too high"
    if ratio < 0.001:
        return "learning rate too low"
    return "healthy"
