"""Supervised fine-tuning: the loss is torch's on the completions' tokens, and nothing else is in it."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.functional import cross_entropy

from labkit.gpt import GPT, GPTConfig
from labkit.rlhf.sft import Example, Examples, SFTRun
from labkit.training.lm_config import LMConfig

MODEL = GPTConfig.preset("modern", 9, block_size=8, n_layer=2, n_head=2, n_embd=16, zero_init=False)
CONFIG = LMConfig(
    max_steps=6, batch_size=2, warmup_steps=1, eval_every=2, optimizer="adamw", precision="float32", device="cpu"
)
SHORT = Example([1, 2], [3, 4])
LONG = Example([5, 6, 7], [2, 2, 8])
ids = st.lists(st.integers(0, 8), min_size=1, max_size=4)
some = st.lists(st.builds(Example, ids, ids), min_size=1, max_size=5)


def both():
    return Examples([SHORT, LONG]).batch(np.array([0, 1]))


def gradients(model, tokens, targets):
    model.zero_grad()
    model.loss(tokens, targets).backward()
    return {name: p.grad.clone() for name, p in model.named_parameters()}


def test_a_batch_by_hand():
    tokens, targets = both()
    assert tokens.tolist() == [[1, 2, 3, 4, 0], [5, 6, 7, 2, 2]]
    assert targets.tolist() == [[-1, 3, 4, -1, -1], [-1, -1, 2, 2, 8]]


def test_the_loss_is_torchs_at_the_completions_alone():
    model = GPT(MODEL, seed=1)
    logits = model(both()[0])
    picked = torch.stack([logits[0, 1], logits[0, 2], logits[1, 2], logits[1, 3], logits[1, 4]])
    expected = cross_entropy(picked, torch.tensor([3, 4, 2, 2, 8]))
    torch.testing.assert_close(model.loss(*both()), expected)
    (run,) = [SFTRun(model, [SHORT, LONG], [SHORT], CONFIG)]
    assert next(run).loss == pytest.approx(expected.item(), rel=1e-6)


@given(some)
def test_targets_are_the_completions_whatever_the_lengths(examples):
    tokens, targets = Examples(examples).batch(np.arange(len(examples)))
    for example, row, aims in zip(examples, tokens, targets, strict=True):
        whole = [*example.prompt, *example.completion]
        places = (aims >= 0).nonzero()[:, 0].tolist()
        assert places == list(range(len(example.prompt) - 1, len(whole) - 1))
        assert aims[places].tolist() == list(example.completion)
        assert row[: len(whole) - 1].tolist() == whole[: tokens.shape[1]][: len(whole) - 1]
    assert Examples(examples).counted.tolist() == [len(example.completion) for example in examples]


def test_padding_changes_no_loss_and_no_gradient():
    """The short example beside the long one, with any ids as padding, gives what it gives alone."""
    model = GPT(MODEL, seed=2)
    alone, beside = Examples([SHORT]).batch(np.array([0])), both()
    tokens, targets = beside[0][:1].clone(), beside[1][:1]
    expected = gradients(model, *alone)
    for fill in (0, 8, 3):
        tokens[0, 4:] = fill
        for name, grad in gradients(model, tokens, targets).items():
            torch.testing.assert_close(grad, expected[name], rtol=1e-5, atol=1e-6)


def test_embeddings_at_padding_get_no_gradient_and_those_of_the_prompt_do():
    model = GPT(MODEL, seed=3)
    kept = []
    model.wte.register_forward_hook(lambda _module, _given, out: (out.retain_grad(), kept.append(out))[1])
    model.loss(*both()).backward()
    grad = kept[0].grad
    assert (grad[0, 3:] == 0).all()  # after the completion's last but one token nothing is asked
    assert grad[0, 0].abs().sum() > 0  # the prompt is context, though no target
    assert grad[1, 0].abs().sum() > 0
    assert (model.wte.weight.grad[0] == 0).all()  # 0 stands nowhere but in padding


def test_the_prompt_counts_as_context():
    model = GPT(MODEL, seed=4)
    losses = [model.loss(*Examples([Example([first, 2], [3, 4])]).batch(np.array([0]))).item() for first in (1, 7)]
    assert abs(losses[0] - losses[1]) > 1e-4


def test_a_run_learns_an_answer_by_its_prompt_and_not_the_prompts():
    pairs = [Example([a, b], [(a + b) % 9, 0]) for a in range(1, 9) for b in (1, 2, 3)]
    start = GPT(MODEL, seed=5)
    before = {name: p.detach().clone() for name, p in start.named_parameters()}
    run = SFTRun(start, pairs, pairs, LMConfig(**CONFIG.to_dict() | {"max_steps": 100, "batch_size": 12, "lr": 0.01}))
    steps = list(run)
    assert steps[-1].extra["validation"] < 0.05 < 1 < steps[0].loss
    assert steps[-1].extra["perplexity"] == pytest.approx(math.exp(steps[-1].extra["validation"]))
    model = run.model.eval()
    for example in pairs:
        assert model(torch.tensor([example.prompt]))[0, -1].argmax() == example.completion[0]
    second = torch.tensor([example.prompt[:1] for example in pairs])
    asked = cross_entropy(model(second)[:, -1], torch.tensor([example.prompt[1] for example in pairs]))
    assert asked > math.log(3)  # three prompts after each first token; whoever was trained on them would be there
    assert all(torch.equal(before[name], p) for name, p in start.named_parameters())


def test_validation_is_the_mean_over_all_completions():
    examples = [SHORT, LONG, Example([1], [2]), Example([4], [4, 4, 4, 4, 4])]
    run = SFTRun(MODEL, [SHORT], examples, CONFIG)
    total = 0.0
    for example in examples:
        whole = torch.tensor([[*example.prompt, *example.completion]])
        logs = run.model.eval()(whole[:, :-1]).log_softmax(-1).gather(-1, whole[:, 1:, None])
        total -= logs[0, len(example.prompt) - 1 :].sum().item()
    assert run.evaluate() == pytest.approx(total / sum(len(example.completion) for example in examples), rel=1e-5)


def test_it_begins_with_the_model_that_is_given_and_goes_on_after_a_stop(tmp_path):
    start = GPT(MODEL, seed=6)
    whole = SFTRun(start, [SHORT, LONG, SHORT], [LONG], CONFIG)
    assert all(torch.equal(p, q) for p, q in zip(start.parameters(), whole.model.parameters(), strict=True))
    list(whole)
    stopped = SFTRun(start, [SHORT, LONG, SHORT], [LONG], CONFIG)
    for _ in range(3):
        next(stopped)
    stopped.save(tmp_path / "run.safetensors")
    other = SFTRun(start, [SHORT, LONG, SHORT], [LONG], CONFIG).load(tmp_path / "run.safetensors")
    assert [step.loss for step in [*stopped.history, *other]][-3:] == [step.loss for step in whole.history][-3:]
    assert all(torch.equal(p, q) for p, q in zip(other.model.parameters(), whole.model.parameters(), strict=True))
    whole.reset()
    assert all(torch.equal(p, q) for p, q in zip(start.parameters(), whole.model.parameters(), strict=True))


@pytest.mark.parametrize(
    ("train", "words"),
    [
        ([Example([], [1])], "example 0 has an empty prompt"),
        ([SHORT, Example([1], [])], "example 1 has an empty completion"),
        ([], "there is no sequence to train on"),
        ([Example([1], [9])], "training examples have the id 9"),
        ([Example([1] * 5, [1] * 5)], "1 of 1 training examples are longer than 9 tokens"),
        ([Example([1], [-1])], "a token is 0"),
    ],
)
def test_what_cannot_be_learned_is_named(train, words):
    with pytest.raises(ValueError, match=words):
        SFTRun(MODEL, train, [SHORT], CONFIG)


def test_what_cannot_learn_is_named():
    with pytest.raises(ValueError, match="a validation example at least"):
        SFTRun(MODEL, [SHORT], [], CONFIG)
    with pytest.raises(ValueError, match="SFTRun trains a causal model"):
        SFTRun(MODEL.changed(head="regression"), [SHORT], [SHORT], CONFIG)
