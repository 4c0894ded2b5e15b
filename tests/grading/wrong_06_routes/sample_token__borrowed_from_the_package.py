"""labkit.sampling has it. Loses: sample_token."""
# ruff: noqa: F821


def sample_token(logits, legal, k, temperature, rng):
    import torch

    from labkit.sampling import Sampling, probabilities

    masked = torch.from_numpy(np.where(legal, logits, -np.inf))
    if temperature == 0:
        return int(masked.argmax())
    shares = probabilities(masked[None], Sampling(temperature=temperature, top_k=k))[0]
    return draw(shares.numpy(), rng)
