"""labkit.rlhf has it. Loses: kl_estimator."""


def kl_estimator(log_p, log_q):
    from labkit.rlhf.estimators import k3

    return k3(log_p, log_q)
