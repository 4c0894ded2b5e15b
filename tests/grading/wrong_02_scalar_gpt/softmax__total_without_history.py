"""The sum taken from the numbers: right values, and gradients that miss the other logits. Loses: softmax."""


def softmax(logits):
    largest = max(z.data for z in logits)
    powers = [(z - largest).exp() for z in logits]
    total = sum(power.data for power in powers)
    return [power / total for power in powers]
