"""One text token by token: the same as `generate`, with what it was chosen from. And attention."""

from itertools import islice

import pytest
import torch

from labkit.sampling import Choice, Sampling, attention_of, generate, probabilities, stream


@pytest.mark.parametrize("window", ["slide", "jump"])
def test_a_stream_is_what_generate_writes(gpt, window):
    model, options = gpt(), {"sampling": Sampling(0.9, 7, 0.9, 1.2), "stop": [10], "seed": 4, "window": window}
    choices = list(stream(model, [1, 2, 3], 30, **options))
    assert [choice.token for choice in choices] == generate(model, [[1, 2, 3]], 30, **options)[0]
    assert all(isinstance(choice, Choice) for choice in choices)


def test_what_a_choice_was_made_from(gpt):
    model, sampling, text = gpt(), Sampling(0.7, 5, 0.9, 1.5), [1, 2, 3]

    def shift(ids, logits):
        logits[:, 4] += 2
        return logits

    for choice in stream(model, text, 5, sampling, seed=0, hook=shift):
        with torch.no_grad():
            raw = model(torch.tensor([text]))[0, -1]
        torch.testing.assert_close(choice.logits, raw)
        changed = raw + 2 * (torch.arange(11) == 4)
        torch.testing.assert_close(choice.probabilities, probabilities(changed, sampling, text))
        assert choice.probabilities[choice.token] > 0
        text.append(choice.token)
    assert len(text) == 8


def test_between_two_tokens_the_world_is_as_before(gpt):
    """The model may be trained, gradients are on, and what was given may be used with them."""
    model = gpt().train()
    for choice in islice(stream(model, [1], 12, seed=0), 5):
        assert model.training
        assert torch.is_grad_enabled()
        assert not torch.is_inference_mode_enabled()
        weight = torch.ones((), dtype=torch.float64, requires_grad=True)
        (choice.logits * weight).sum().backward()
        model.loss(torch.tensor([[1]]), torch.tensor([[2]])).backward()


def test_wrong_arguments_are_refused_at_once(gpt):
    with pytest.raises(ValueError, match="prompt 0 is empty"):
        stream(gpt(), [], 5)


# -- attention


@pytest.mark.parametrize("preset", ["micro", "gpt2", "modern"])
def test_attention_is_causal_shares(gpt, preset):
    model = gpt(preset, dropout=0.5).train()
    weights = attention_of(model, [1, 2, 3, 4, 5])
    assert model.training
    assert weights.shape == (2, 2, 5, 5)
    assert weights.dtype == torch.float32
    torch.testing.assert_close(weights.sum(-1), torch.ones(2, 2, 5))
    assert weights.triu(1).abs().max() == 0
    torch.testing.assert_close(attention_of(model.eval(), [1, 2, 3]), weights[..., :3, :3])


def test_attention_against_transformers(tmp_path):
    hf = pytest.importorskip("transformers")
    from labkit.gpt import GPT

    config = hf.GPT2Config(vocab_size=23, n_positions=10, n_layer=2, n_embd=16, n_head=4, attn_implementation="eager")
    theirs = hf.GPT2LMHeadModel(config).eval()
    with torch.no_grad():
        for p in theirs.parameters():
            p.add_(0.3 * torch.randn(p.shape, generator=torch.Generator().manual_seed(0)))
    theirs.save_pretrained(tmp_path)
    ids = [4, 8, 15, 16, 22]
    with torch.no_grad():
        wanted = theirs(torch.tensor([ids]), output_attentions=True).attentions
    torch.testing.assert_close(attention_of(GPT.from_hf(tmp_path), ids), torch.cat(wanted), rtol=1e-4, atol=1e-5)


def test_attention_of_what_cannot_be_read(gpt):
    with pytest.raises(ValueError, match=r"9 tokens are more than block_size \(8\)"):
        attention_of(gpt(), [1] * 9)
    with pytest.raises(ValueError, match="got"):
        attention_of(gpt(), [])
