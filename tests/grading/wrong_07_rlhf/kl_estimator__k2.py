"""k2: never below 0, wrong on average. Loses: kl_estimator."""


def kl_estimator(log_p, log_q):
    return (log_p - log_q) ** 2 / 2
