"""The window is moved along in place, and it is the caller's. Loses: generate."""
# ruff: noqa: F821


def generate(model, ids, max_new_tokens, block_size, rng, temperature=1.0, top_k=None, top_p=None):
    text, window = ids.clone(), ids[-block_size:]
    with torch.no_grad():
        for _ in range(max_new_tokens):
            probabilities = sample_probabilities(model(window[None])[0, -1], temperature, top_k, top_p)
            new = torch.multinomial(probabilities, 1, generator=rng)
            text = torch.cat([text, new])
            if len(window) < block_size:
                window = torch.cat([window, new])
            else:
                window[:-1] = window[1:].clone()
                window[-1:] = new
    return text
