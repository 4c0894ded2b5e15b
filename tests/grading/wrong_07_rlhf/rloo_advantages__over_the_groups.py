"""The others of a column: samples of other prompts. Loses: rloo_advantages."""


def rloo_advantages(rewards):
    n = rewards.shape[1]
    if n < 2:
        raise ValueError("one sample")
    others = (rewards.sum(dim=0) - rewards) / max(1, len(rewards) - 1)
    return (rewards - others).detach()
