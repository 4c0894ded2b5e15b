"""labkit.gpt has it. Loses: causal_attention."""


def causal_attention(q, k, v):
    from labkit.gpt import GPTConfig
    from labkit.gpt.attention import Attention

    config = GPTConfig(vocab_size=2, n_embd=q.shape[1] * q.shape[3], n_head=q.shape[1], positions="none")
    return Attention(config).weights(q, k, None, True) @ v
