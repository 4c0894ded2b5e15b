"""Temperature, top_k and top_p have no effect. Loses: generate."""
# ruff: noqa: F821


def generate(model, ids, max_new_tokens, block_size, rng, temperature=1.0, top_k=None, top_p=None):
    with torch.no_grad():
        for _ in range(max_new_tokens):
            logits = model(ids[None, -block_size:])[0, -1]
            probabilities = sample_probabilities(logits)
            ids = torch.cat([ids, torch.multinomial(probabilities, 1, generator=rng)])
    return ids
