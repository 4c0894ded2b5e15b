"""One token less than the model can see. Loses: generate."""
# ruff: noqa: F821


def generate(model, ids, max_new_tokens, block_size, rng, temperature=1.0, top_k=None, top_p=None):
    with torch.no_grad():
        for _ in range(max_new_tokens):
            logits = model(ids[None, -max(1, block_size - 1) :])[0, -1]
            probabilities = sample_probabilities(logits, temperature, top_k, top_p)
            ids = torch.cat([ids, torch.multinomial(probabilities, 1, generator=rng)])
    return ids
