"""Reward-augmented decoding: each token against p · exp(beta · r) / Z, and together with all else that steers."""

import doctest
import itertools
import math

import pytest
import torch

from labkit.gpt import GPT, GPTConfig
from labkit.sampling import Sampling, generate, probabilities, rewards
from labkit.sampling.generate import choose
from labkit.sampling.rewards import char_reward_fn

PROMPTS = [[1, 2, 3], [4], [5, 6], [7]]
STOI = {letter: i for i, letter in enumerate("abcdefghijk")}
GREEDY = Sampling(temperature=0)


def by_text(ids):
    """A reward that depends on the whole text: tokens far from the sum of what is there are worth more."""
    return ((torch.arange(11) - ids.sum(1, keepdim=True)) % 11) / 5 - 1


def test_docstring():
    results = doctest.testmod(rewards)
    assert (results.attempted > 0, results.failed) == (True, 0)


def test_it_works_as_the_issue_writes_it():
    text = "a gnu begged"
    stoi = {letter: i for i, letter in enumerate(sorted(set(text)))}
    model = GPT(GPTConfig.preset("gpt2", len(stoi), n_layer=1, n_embd=16), seed=0)
    prompts, n = [[0, 1], [2]], 30
    rows = generate(model, prompts, n, reward_fn=char_reward_fn(["g"], stoi), beta=0.5)
    assert [len(row) for row in rows] == [30, 30]
    rows = generate(model, prompts, n, reward_fn=char_reward_fn(["g"], stoi), beta=50.0)
    assert {token for row in rows for token in row} == {stoi["g"]}
    rows = generate(model, prompts, n, reward_fn=char_reward_fn(["g"], stoi), beta=-50.0)
    assert stoi["g"] not in {token for row in rows for token in row}


@pytest.mark.parametrize("beta", [-1.5, 0.5, 3.0])
@pytest.mark.parametrize("cached", [True, False])
@pytest.mark.parametrize("window", ["slide", "jump"])
def test_every_token_is_drawn_with_p_times_the_exponential_of_its_reward(gpt, beta, cached, window):
    """Beyond the block, in rows of several lengths, against what the model says and the sum written out."""
    model = gpt("modern", zero_init=False)
    plain = []
    rows = [list(prompt) for prompt in PROMPTS]
    for chosen in choose(model, PROMPTS, 12, seed=1, cached=cached, window=window, reward_fn=by_text, beta=beta):
        p = chosen.logits.softmax(-1)
        for i, row in enumerate(rows):
            unnormalised = [float(p[i, token]) * math.exp(beta * (((token - sum(row)) % 11) / 5 - 1))
                            for token in range(11)]  # fmt: skip
            expected = torch.tensor(unnormalised, dtype=torch.float64) / sum(unnormalised)
            torch.testing.assert_close(chosen.probabilities[i], expected, rtol=1e-6, atol=1e-9)
            row.append(chosen.tokens[i])
        plain.append(chosen.logits)
    for row in rows:  # the logits are still the model's own
        first = row[: len(row) - 12]
        with torch.no_grad():
            torch.testing.assert_close(
                plain[0][rows.index(row)], model(torch.tensor([first]))[0, -1], rtol=1e-9, atol=1e-9
            )


def test_it_is_the_optimum_of_the_regularised_objective_for_each_token(gpt):
    """Against labkit.rlhf.exact, which was written for whole outcomes."""
    from labkit.rlhf.exact import optimum

    (chosen,) = choose(gpt(), [[3, 4]], 1, seed=0, reward_fn=by_text, beta=2.0)
    worth = by_text(torch.tensor([[3, 4]]))[0].double()
    best = optimum(chosen.logits[0].log_softmax(-1), worth, beta=1 / 2.0)
    torch.testing.assert_close(chosen.probabilities[0].log(), best)


@pytest.mark.parametrize("sampling", [None, Sampling(0.7, top_k=5), Sampling(repetition_penalty=1.3), GREEDY])
def test_beta_0_is_no_reward_byte_for_byte(gpt, sampling):
    def never(ids):
        raise AssertionError("asked for nothing")

    model = gpt("modern", zero_init=False)
    plain = list(choose(model, PROMPTS, 20, sampling, stop=[0], seed=4))
    same = list(choose(model, PROMPTS, 20, sampling, stop=[0], seed=4, reward_fn=never, beta=0.0))
    assert len(plain) == len(same)
    for one, other in zip(plain, same, strict=True):
        assert (one.rows, one.tokens) == (other.rows, other.tokens)
        assert torch.equal(one.logits, other.logits)
        assert torch.equal(one.probabilities, other.probabilities)


def test_a_reward_that_is_the_same_for_all_tokens_changes_nothing(gpt):
    model = gpt("modern", zero_init=False)
    rows = generate(model, PROMPTS, 20, seed=4, reward_fn=lambda ids: torch.full((11,), 3.0), beta=7.0)
    assert rows == generate(model, PROMPTS, 20, seed=4)


@pytest.mark.parametrize("sampling", [Sampling(0.5), Sampling(top_k=3), Sampling(top_p=0.6), Sampling(2.0, 4, 0.9)])
def test_sampling_is_applied_to_the_raised_logits(gpt, sampling):
    (chosen,) = choose(gpt(), PROMPTS[:1], 1, sampling, seed=0, reward_fn=by_text, beta=1.5)
    raised = chosen.logits[0] + 1.5 * by_text(torch.tensor(PROMPTS[:1]))[0]
    torch.testing.assert_close(chosen.probabilities[0], probabilities(raised, sampling))


def test_with_a_hook_guidance_and_ends_a_row_is_what_it_is_alone(gpt):
    model = gpt("modern", block_size=32, zero_init=False)

    def hook(ids, logits):
        logits[:, ids[0, -1]] = -torch.inf  # no token twice in a row
        return logits

    options = {"stop": [0], "hook": hook, "guidance": 1.7, "reward_fn": by_text, "beta": 2.0, "sampling": GREEDY}
    others = [[8], [9], [10, 1], [2]]
    together = generate(model, PROMPTS, 15, against=others, **options)
    alone = [generate(model, [p], 15, against=[o], **options)[0] for p, o in zip(PROMPTS, others, strict=True)]
    assert together == alone
    assert all(a != b for row in together for a, b in itertools.pairwise(row))
    assert together != generate(model, PROMPTS, 15, against=others, **options | {"beta": 0.0})
    # By hand: guided, then the hook, then the reward.
    for prompt, other, tokens in zip(PROMPTS, others, together, strict=True):
        for i, token in enumerate(tokens):
            with torch.no_grad():
                told, untold = (model(torch.tensor([ids + tokens[:i]]))[0, -1] for ids in (prompt, other))
            logits = untold + 1.7 * (told - untold)
            logits[(prompt + tokens[:i])[-1]] = -torch.inf
            assert token == int((logits + 2.0 * by_text(torch.tensor([prompt + tokens[:i]]))[0]).argmax())


def test_the_reward_sees_whole_texts_without_padding_those_of_a_length_together(gpt):
    seen = []

    def note(ids):
        seen.append(ids.tolist())
        return torch.zeros(len(ids), 11)

    rows = generate(gpt(), PROMPTS, 10, seed=0, stop=[0, 1], reward_fn=note, beta=1.0)
    whole = [prompt + row for prompt, row in zip(PROMPTS, rows, strict=True)]
    asked = [(len(prompt), row) for prompt, row in zip(PROMPTS, whole, strict=True)]
    expected = sorted(row[:n] for start, row in asked for n in range(start, len(row)))
    assert sorted(row for call in seen for row in call) == expected
    assert [4] in seen[1]  # the prompts [4] and [7] came in one call
    assert [7] in seen[1]


@pytest.mark.parametrize("kind", [torch.bool, torch.int64, torch.float64, torch.bfloat16])
def test_rewards_may_be_of_any_kind_of_number(gpt, kind):
    wanted = char_reward_fn("ce", STOI)
    expected = generate(gpt(), PROMPTS, 9, seed=2, reward_fn=wanted, beta=1.0)
    assert generate(gpt(), PROMPTS, 9, seed=2, reward_fn=lambda ids: wanted(ids).to(kind), beta=1.0) == expected


def test_char_reward_fn_is_one_for_what_is_wanted():
    assert char_reward_fn(["b", "k", "b"], STOI)(torch.zeros(2, 3)).tolist() == [0, 1] + [0] * 8 + [1]
    assert char_reward_fn("a", STOI, vocab_size=13)(torch.zeros(1, 1)).tolist() == [1] + [0] * 12


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: char_reward_fn([], STOI), "at least one wanted character"),
        (lambda: char_reward_fn(["a", "Z"], STOI), "'Z' is not in stoi, whose 11 are 'abcdefghijk'"),
        (lambda: char_reward_fn(["a"], STOI, vocab_size=10), "stoi has ids 0 … 10, vocab_size is 10"),
        (lambda: char_reward_fn(["a"], {"a": -1}), "stoi has ids -1"),
    ],
)
def test_characters_that_cannot_be_are_refused(make, words):
    with pytest.raises(ValueError, match=words):
        make()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"beta": 0.5}, "beta=0.5 needs a `reward_fn`"),
        ({"reward_fn": by_text, "beta": float("inf")}, "beta must be a finite number"),
        ({"reward_fn": by_text, "beta": float("nan")}, "beta must be a finite number"),
        ({"reward_fn": by_text, "beta": "1"}, "beta must be a finite number .* got '1'"),
        ({"reward_fn": by_text, "beta": True}, "beta must be a finite number"),
        ({"reward_fn": [1.0], "beta": 1.0}, "reward_fn must be a function .* got list"),
    ],
)
def test_a_beta_that_cannot_be_is_refused_at_once(gpt, changes, words):
    with pytest.raises(ValueError, match=words):
        choose(gpt(), PROMPTS, 2, **changes)


@pytest.mark.parametrize(
    ("returned", "words"),
    [
        (
            torch.zeros(10),
            r"\[1, 11\] or \[11\], got \[10\]: the model has 11 tokens \(char_reward_fn takes vocab_size",
        ),
        (torch.zeros(2, 11), r"\[1, 11\] or \[11\], got \[2, 11\]$"),
        (torch.zeros(1, 1, 11), r"got \[1, 1, 11\]"),
        (torch.tensor(1.0), r"got \[\]"),
        ([0.0] * 11, "got list"),
        (torch.tensor([torch.nan] * 11), "not finite"),
        (torch.tensor([0.0] * 10 + [-torch.inf]), "to forbid a token, use a hook"),
    ],
)
def test_what_is_no_reward_is_refused(gpt, returned, words):
    with pytest.raises(ValueError, match=words):
        generate(gpt(), PROMPTS[:1], 2, reward_fn=lambda ids: returned, beta=1.0)
