"""labkit.rlhf has it. Loses: bradley_terry_loss."""


def bradley_terry_loss(chosen, rejected):
    from labkit.rlhf.reward_model import bradley_terry_loss as theirs

    return theirs(chosen, rejected)
