"""Overflow kept away by a limit: logits of 1000 and 990 come out equal. Loses: softmax."""
# ruff: noqa: F821


def softmax(logits):
    powers = [z.exp() if abs(z.data) < 700 else Value(math.exp(math.copysign(700, z.data))) for z in logits]
    total = sum(powers)
    return [power / total for power in powers]
