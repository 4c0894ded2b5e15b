"""A token is drawn at every position that was shown, and all are appended. Loses: generate."""
# ruff: noqa: F821


def generate(model, ids, max_new_tokens, block_size, rng, temperature=1.0, top_k=None, top_p=None):
    with torch.no_grad():
        for _ in range(max_new_tokens):
            logits = model(ids[None, -block_size:])[0]
            probabilities = torch.stack([sample_probabilities(row, temperature, top_k, top_p) for row in logits])
            ids = torch.cat([ids, torch.multinomial(probabilities, 1, generator=rng)[:, 0]])
    return ids
