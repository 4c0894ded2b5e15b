"""The formula as it stands: exp overflows for a logit above 709. Loses: softmax."""


def softmax(logits):
    powers = [z.exp() for z in logits]
    total = sum(powers)
    return [power / total for power in powers]
