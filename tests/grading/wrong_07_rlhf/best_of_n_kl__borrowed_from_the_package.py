"""labkit.rlhf has it. Loses: best_of_n_kl."""


def best_of_n_kl(n):
    from labkit.rlhf.best_of_n import kl_bound

    return kl_bound(n)
