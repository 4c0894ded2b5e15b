"""Writing on: cached as uncached, a batch as its rows, windows, stops, hooks; greedy against transformers."""

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from labkit.gpt import GPT, PRESETS
from labkit.sampling import Sampling, generate, row_seed
from labkit.sampling.windows import Windows

CLOSE = {"rtol": 1e-9, "atol": 1e-9}
GREEDY = Sampling(temperature=0)
few = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
recipes = pytest.mark.parametrize(
    ("preset", "changes"), [*((name, {}) for name in PRESETS), ("modern", {"conv_width": 3})]
)
windows = pytest.mark.parametrize("window", ["slide", "jump"])
prompts_of_any_length = st.lists(st.lists(st.integers(0, 10), min_size=1, max_size=14), min_size=1, max_size=4)


def seen_by_hand(n_prompt, n, size, window):
    """How many of a row's n tokens its next prediction sees: the rule, one token at a time."""
    seen = min(n_prompt, size)
    for _ in range(n - n_prompt):
        if seen == size:
            seen -= 1 if window == "slide" else max(1, size // 2)
        seen += 1
    return seen


# -- cache and windows


@recipes
@windows
@few
@given(prompts=prompts_of_any_length, block_size=st.integers(1, 8), seed=st.integers(0, 99), data=st.data())
def test_logits_through_the_cache_are_those_of_the_window_read_alone(
    gpt, preset, changes, window, prompts, block_size, seed, data
):
    """Past block_size, with padding, and with rows that end on the way."""
    model = gpt(preset, block_size=block_size, seed=seed, **changes)
    cached, plain = (Windows(model, prompts, window, cached) for cached in (True, False))
    lengths = [len(prompt) for prompt in prompts]
    for _ in range(2 * block_size + 3):
        with torch.no_grad():
            logits = cached.logits()
            torch.testing.assert_close(logits, plain.logits(), **CLOSE)
            for row, ids, n_prompt in zip(logits, cached.rows, lengths, strict=True):
                seen = ids[-seen_by_hand(n_prompt, len(ids), block_size, window) :]
                torch.testing.assert_close(row, model(torch.tensor([seen]))[0, -1], **CLOSE)
        tokens = data.draw(st.lists(st.integers(0, 10), min_size=len(lengths), max_size=len(lengths)))
        for some in (cached, plain):
            some.extend(tokens)
        if len(lengths) > 1 and data.draw(st.integers(0, 9)) == 0:
            some_stay = sorted(data.draw(st.sets(st.integers(0, len(lengths) - 1), min_size=1)))
            lengths = [lengths[i] for i in some_stay]
            cached.keep(some_stay)
            plain.keep(some_stay)


@recipes
@windows
def test_cached_and_uncached_write_the_same(gpt, preset, changes, window):
    model, prompts = gpt(preset, **changes), [[1, 2, 3], [4], [5, 6, 7, 8, 9, 10, 1, 2, 3, 4], [2] * 8]
    for sampling in (GREEDY, Sampling(0.8, 5, 0.9, 1.1)):
        options = {"seed": 3, "window": window, "stop": [0]}
        written = generate(model, prompts, 25, sampling, **options)
        assert written == generate(model, prompts, 25, sampling, cached=False, **options)
        assert all(row for row in written)


def test_the_windows_differ_only_past_block_size(gpt):
    model = gpt()
    slide, jump = (generate(model, [[1, 2]], 40, seed=0, window=window)[0] for window in ("slide", "jump"))
    assert slide[:7] == jump[:7]  # the first 6 fill the block of 8; the 7th is drawn from that
    assert slide != jump


def test_a_full_window_jumps_once_in_half_a_block(gpt, monkeypatch):
    """What the cache is for: most steps read one token."""
    model, times = gpt(), []
    hidden = GPT.hidden
    monkeypatch.setattr(GPT, "hidden", lambda self, ids, *rest: times.append(ids.shape[1]) or hidden(self, ids, *rest))
    generate(model, [[1]], 20, seed=0, window="jump")
    assert times == [1] * 8 + ([5] + [1] * 3) * 3
    times.clear()
    generate(model, [[1]], 20, seed=0)
    assert times == [1] * 8 + [8] * 12


# -- a batch is its rows


@recipes
@few
@given(prompts=prompts_of_any_length, seed=st.integers(0, 99))
def test_a_batch_is_its_prompts_alone(gpt, preset, changes, prompts, seed):
    model = gpt(preset, **changes)
    sampling = Sampling(1.2, 8, 0.95, 1.2)
    together = generate(model, prompts, 12, sampling, stop=[3, 4], seed=seed)
    for i, prompt in enumerate(prompts):
        [alone] = generate(model, [prompt], 12, sampling, stop=[3, 4], seed=row_seed(seed, i))
        assert together[i] == alone


def test_the_same_prompt_many_times_gives_different_texts(gpt):
    texts = generate(gpt(), [[1, 2]] * 8, 12, seed=0)
    assert len({tuple(text) for text in texts}) == 8


def test_a_seed_is_a_text_and_a_shorter_one_its_beginning(gpt):
    model = gpt()
    text = generate(model, [[1]], 30, seed=5)
    assert generate(model, [[1]], 30, seed=5) == text
    assert generate(model, [[1]], 10, seed=5)[0] == text[0][:10]
    assert generate(model, [[1]], 30, seed=6) != text
    assert generate(model, [[1]], 30) != generate(model, [[1]], 30)


# -- against transformers


@pytest.mark.parametrize("penalty", [1.0, 1.4])
def test_greedy_is_transformers(tmp_path, penalty):
    hf = pytest.importorskip("transformers")
    config = hf.GPT2Config(
        vocab_size=23, n_positions=32, n_layer=2, n_embd=16, n_head=4, bos_token_id=0, eos_token_id=0, pad_token_id=0
    )
    theirs = hf.GPT2LMHeadModel(config).eval()
    rng = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for p in theirs.parameters():
            p.add_(0.3 * torch.randn(p.shape, generator=rng))
    theirs.save_pretrained(tmp_path)
    ours = GPT.from_hf(tmp_path)
    prompts = [[5, 1, 7], [2], [9, 9, 3, 4, 8]]
    sampling = Sampling(0, repetition_penalty=penalty)
    written = generate(ours, prompts, 27, sampling, stop=[0])
    for prompt, mine in zip(prompts, written, strict=True):
        wanted = theirs.generate(
            torch.tensor([prompt]),
            attention_mask=torch.ones(1, len(prompt)),
            max_new_tokens=27,
            do_sample=False,
            repetition_penalty=penalty,
        )[0, len(prompt) :].tolist()
        assert mine == wanted
    assert len({token for row in written for token in row}) > 3


# -- stops, modes, hooks


def test_a_stop_token_is_the_last_that_is_returned(gpt):
    model = gpt()
    prompts = [[1], [2], [3], [4, 5]]
    free = generate(model, prompts, 20, seed=2)
    stop = {free[0][3], free[1][9]}
    for row, whole in zip(generate(model, prompts, 20, stop=stop, seed=2), free, strict=True):
        ends = [at for at, token in enumerate(whole) if token in stop]
        assert row == whole[: ends[0] + 1 if ends else 20]
    assert generate(model, prompts, 20, stop=range(11), seed=2) == [row[:1] for row in free]


def test_nothing_to_do(gpt):
    assert generate(gpt(), [], 5) == []
    assert generate(gpt(), [[1], [2]], 0) == [[], []]


def test_evaluation_mode_meanwhile_and_every_mode_put_back(gpt):
    model = gpt(dropout=0.5)
    wanted = generate(model, [[1]], 12, seed=0)
    model.train()
    model.blocks[0].eval()
    modes = [module.training for module in model.modules()]
    assert generate(model, [[1]], 12, seed=0) == wanted
    assert [module.training for module in model.modules()] == modes
    with pytest.raises(ZeroDivisionError):
        generate(model, [[1]], 12, hook=lambda ids, logits: logits / (1 // 0))
    assert [module.training for module in model.modules()] == modes


def test_no_gradients_and_training_goes_on(gpt):
    model = gpt().train()
    generate(model, [[1, 2]], 12, seed=0)
    assert all(p.grad is None for p in model.parameters())
    assert torch.is_grad_enabled()
    model.loss(torch.tensor([[1, 2]]), torch.tensor([[2, 3]])).backward()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_half_precision_and_autocast(gpt, dtype):
    model = gpt(dtype=dtype)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert len(generate(model, [[1, 2], [3]], 12, seed=0)[1]) == 12
    assert len(generate(model, [[1, 2], [3]], 12, Sampling(0.5, 3, 0.9, 1.1), seed=0)[1]) == 12


def test_prompts_may_be_tensors(gpt):
    model = gpt()
    assert generate(model, torch.tensor([[1, 2]]), 5, seed=0) == generate(model, [[1, 2]], 5, seed=0)


def test_a_hook_sees_whole_texts_without_padding(gpt):
    model, calls = gpt(), []
    prompts = [[1, 2], [3], [4, 5], list(range(10))]

    def only_even(ids, logits):
        calls.append(ids.tolist())
        assert logits.shape == (len(ids), 11)
        logits[:, 1::2] = -torch.inf  # in place is as good
        return logits

    written = generate(model, prompts, 9, seed=1, hook=only_even)
    assert all(token % 2 == 0 for row in written for token in row)
    steps = len(calls) // 3
    assert steps == 9
    for step in range(steps):
        twos, one, ten = calls[3 * step : 3 * step + 3]
        assert twos == [prompts[0] + written[0][:step], prompts[2] + written[2][:step]]
        assert one == [prompts[1] + written[1][:step]]
        assert ten == [prompts[3] + written[3][:step]]


def test_a_hook_that_changes_nothing_changes_nothing(gpt):
    model, prompts = gpt(), [[1, 2], [3]]
    same = generate(model, prompts, 12, seed=1, hook=lambda ids, logits: logits)
    assert same == generate(model, prompts, 12, seed=1)


@pytest.mark.parametrize("temperature", [0, 1])
def test_a_hook_that_forbids_everything(gpt, temperature):
    def forbid(ids, logits):
        return torch.full_like(logits, -torch.inf) if ids[0, 0] == 3 and ids.shape[1] == 4 else logits

    with pytest.raises(ValueError, match=r"the hook forbids every token after prompt 1 with 4 tokens so far"):
        generate(gpt(), [[1, 2], [3]], 12, Sampling(temperature), hook=forbid)


@pytest.mark.parametrize(("wrong", "got"), [(lambda i, x: None, "NoneType"), (lambda i, x: x[:, :3], r"\[1, 3\]")])
def test_a_hook_that_returns_no_logits(gpt, wrong, got):
    with pytest.raises(ValueError, match=rf"the hook must return logits, \[1, 11\], got {got}"):
        generate(gpt(), [[1]], 2, hook=wrong)


# -- what is refused


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"prompts": [[1], []]}, "prompt 1 is empty: a model needs one token"),
        ({"prompts": [1, 2]}, "prompt 0 must be a list of token ids, got 1"),
        ({"prompts": ["ab"]}, "prompt 0 must be a list of token ids, got 'ab'"),
        ({"prompts": [[1, 0.5]]}, "prompt 0 must be a list of token ids .whole numbers."),
        ({"prompts": [[1, 11]]}, r"prompt 0 has the token 11: ids must be 0 … 10"),
        ({"stop": [-1]}, r"stop has the token -1: ids must be 0 … 10"),
        ({"max_new_tokens": -1}, "max_new_tokens must be a whole number of at least 0, got -1"),
        ({"seed": 0.5}, "seed must be None or a whole number"),
        ({"window": "hop"}, "window must be one of slide, jump, got 'hop'"),
    ],
)
def test_arguments_that_cannot_be(gpt, changes, words):
    with pytest.raises(ValueError, match=words):
        generate(gpt(), **{"prompts": [[1]], "max_new_tokens": 3} | changes)


@pytest.mark.parametrize("changes", [{"causal": False}, {"head": "regression"}])
def test_models_that_cannot_write(gpt, changes):
    with pytest.raises(ValueError, match="only a causal language model can write"):
        generate(gpt(**changes), [[1]], 3)
