"""x² / 2 + x³ / 6: right near 0 alone. Loses: kl_estimator."""


def kl_estimator(log_p, log_q):
    x = log_q - log_p
    return x**2 / 2 + x**3 / 6
