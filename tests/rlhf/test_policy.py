"""Policies: what they draw, and that what they say of it adds up."""

import pytest
import torch

from labkit.gpt import GPT, GPTConfig
from labkit.rlhf.policy import GPTPolicy, Samples, padded, token_log_probs
from labkit.rlhf.table import TablePolicy
from labkit.rlhf.text import read, text_policy, text_reward, write
from labkit.rlhf.toy import ToyBoard
from labkit.tokenizers import CharTokenizer


@pytest.fixture(scope="module")
def toy():
    return ToyBoard()


@pytest.fixture
def table(toy):
    policy = TablePolicy(toy)
    torch.nn.init.normal_(policy.logits, generator=torch.Generator().manual_seed(1))
    return policy


@pytest.fixture
def model():
    return GPT(GPTConfig.preset("modern", 5, block_size=12, n_layer=1, n_head=2, n_embd=8, zero_init=False), seed=2)


def test_a_table_is_a_distribution_over_all_routes(table, toy):
    everything = table.all_log_probs()
    assert everything.exp().sum().item() == pytest.approx(1, abs=1e-6)
    samples = table.sample(500, seed=3)
    torch.testing.assert_close(
        table.log_probs(samples).sum(1), everything[toy.numbers(samples.ids)].float(), rtol=1e-4, atol=1e-4
    )
    assert not table.log_probs(samples)[~samples.written].any()
    assert torch.equal(samples.ids, table.sample(500, seed=3).ids)


def test_a_fresh_table_takes_all_that_is_allowed_as_equally_likely(toy):
    log_probs = TablePolicy(toy).all_log_probs()
    counts = torch.where(toy.nodes < 0, 1, toy.choices[toy.nodes].sum(-1)).double()
    torch.testing.assert_close(log_probs, -counts.log().sum(1), check_dtype=False)


def test_every_route_is_found_by_its_tokens(toy):
    numbers = torch.randperm(len(toy), generator=torch.Generator().manual_seed(0))
    assert torch.equal(toy.numbers(toy.ids[numbers]), numbers)
    broken = toy.ids[:3].clone()
    broken[1, toy.prompt] += 1
    broken[1, toy.prompt + 1] = broken[1, toy.prompt]
    with pytest.raises(ValueError, match="row 1 is no route of the toy board"):
        toy.numbers(broken)


def test_answers_about_pairs_follow_bradley_and_terry_and_nothing_else(toy, table):
    log_probs = table.all_log_probs().detach()
    pairs = toy.pairs(log_probs, 40_000, seed=8)
    gap = toy.reward(pairs.chosen) - toy.reward(pairs.rejected)
    for low, high in ((0.2, 0.6), (0.8, 1.2), (1.8, 2.2)):
        some = (gap.abs() > low) & (gap.abs() < high)
        won, wanted = (gap[some] > 0).double().mean(), gap[some].abs().sigmoid().mean()
        assert won.item() == pytest.approx(wanted.item(), abs=4 * (0.25 / int(some.sum())) ** 0.5)
    # Two texts of a pair come from the same policy, so that before the answer neither side is the better one.
    both = torch.cat((toy.reward(pairs.chosen), toy.reward(pairs.rejected)))
    mean = (log_probs.exp() * toy.rewards).sum().item()
    assert both.mean().item() == pytest.approx(mean, abs=5 * toy.rewards.std().item() / 80_000**0.5)


def test_a_gpts_log_probs_are_those_of_its_tokens_one_by_one(model):
    policy = GPTPolicy(model, [[1, 2], [3]], max_new_tokens=6, stop=[4])
    samples = policy.sample(8, seed=1, group=2)
    log_probs = policy.log_probs(samples)
    for row, written, said in zip(samples.ids, samples.written, log_probs, strict=True):
        for at in range(1, len(row)):
            alone = model(row[None, :at])[0, -1].log_softmax(0)[row[at]] if written[at] else torch.tensor(0.0)
            torch.testing.assert_close(said[at], alone, rtol=1e-4, atol=1e-5)
    prompts = [row[: 1 + int(row[0] == 1)].tolist() for row in samples.ids]
    assert all(prompts[i] == prompts[i + 1] for i in range(0, 8, 2))
    for text in samples.texts():
        assert 4 not in text[:-1]
        assert len(text) == 6 or text[-1] == 4


def test_padding_changes_nothing(model):
    short = padded([[1]], [[2, 3, 4]])
    both = padded([[1], [1]], [[2, 3, 4], [0, 0, 0, 0, 0, 0]])
    torch.testing.assert_close(token_log_probs(model, both)[0, :4], token_log_probs(model, short)[0])
    assert not token_log_probs(model, both)[0, 4:].any()


def test_a_critic_begins_at_zero_and_at_the_policys_trunk(model):
    critic = GPTPolicy(model, [[1]], 4).critic()
    samples = padded([[1]], [[2, 3]])
    assert critic.values(samples).shape == (1, 3)
    assert not critic.values(samples).any()
    assert torch.equal(critic.model.wte.weight, model.wte.weight)


def test_what_cannot_be_is_refused(model):
    for prompts in ([], [[1], []]):
        with pytest.raises(ValueError, match="prompts of at least one token each"):
            GPTPolicy(model, prompts, 3)
    with pytest.raises(ValueError, match="max_new_tokens must be at least 1"):
        GPTPolicy(model, [[1]], 0)
    with pytest.raises(ValueError, match="its first token is left out"):
        token_log_probs(model, Samples(torch.ones(1, 3, dtype=torch.long), torch.ones(1, 3, dtype=torch.bool)))
    with pytest.raises(ValueError, match="2 tokens and 11 new ones do not fit into block_size"):
        GPTPolicy(model, [[1, 2]], 11)
    with pytest.raises(ValueError, match="7 texts cannot be groups of 2"):
        GPTPolicy(model, [[1]], 3).sample(7, seed=0, group=2)


def test_texts_and_their_rewards():
    tokenizer = CharTokenizer.train("\nabcd")
    model = GPT(GPTConfig.preset("modern", tokenizer.vocab_size, block_size=12, n_layer=1, n_head=2, n_embd=8))
    policy = text_policy(model, tokenizer, max_new_tokens=8)
    samples = policy.sample(20, seed=0)
    texts = read(tokenizer, samples, policy.stop)
    assert texts == write(policy, tokenizer, 20, seed=0)
    assert not any("\n" in text for text in texts)
    rewards = text_reward(tokenizer, lambda text: text.count("a"), policy.stop)(samples)
    assert rewards.tolist() == [text.count("a") for text in texts]
    assert rewards.sum() > 0
    with pytest.raises(ValueError, match="stop must be one token"):
        text_policy(model, tokenizer, stop="ab")


def test_samples_can_be_taken_apart():
    samples = padded([[1], [1, 2]], [[3], [4, 0, 3]])
    assert samples.lengths.tolist() == [1, 3]
    assert isinstance(samples.take(torch.tensor([1])), Samples)
    assert samples.take(torch.tensor([1, 0])).texts() == [[4, 0, 3], [3]]
