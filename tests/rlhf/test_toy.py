"""The toy board: all routes and no others, probabilities that sum to one, gradients that numbers confirm."""

import itertools

import pytest
import torch

from labkit.gpt import GPT
from labkit.rlhf.exact import objective
from labkit.rlhf.toy import ANGLE, RULES, WANTED, ToyBoard
from labkit.routes import ROLES, Hold, canonical
from labkit.routes.climber import difficulty
from labkit.routes.generator import Generator, Wish
from labkit.routes.rules import is_valid


@pytest.fixture(scope="module")
def toy():
    return ToyBoard()


@pytest.fixture(scope="module")
def model(toy):
    return GPT(toy.model(zero_init=False), seed=3).eval()


def test_it_has_every_route_once(toy):
    found = set()
    for roles in itertools.product((None, *ROLES), repeat=len(toy.board.placements)):
        holds = [Hold(p, role) for p, role in zip(toy.board.placements, roles, strict=True) if role]
        if len(holds) <= RULES.max_holds and is_valid(canonical(holds, toy.board), toy.board, RULES):
            found.add(canonical(holds, toy.board))
    assert {route.holds for route in toy.routes} == found
    assert len(found) == len(toy) == 4200


def test_rewards_are_the_climbers(toy):
    for i in range(0, len(toy), 300):
        hard = difficulty(toy.board, toy.routes[i].holds, ANGLE)
        assert toy.rewards[i].item() == pytest.approx(-abs(hard - WANTED) / 4)
    assert toy.rewards.std() > 0.2  # something is to be won
    assert toy.rewards.max() > -0.1


def test_probabilities_sum_to_one_and_are_those_that_are_written(toy, model):
    with torch.no_grad():
        log_probs = toy.log_probs(model)
    assert log_probs.exp().sum().item() == pytest.approx(1, abs=1e-9)
    written = Generator(model, toy.tokenizer, RULES).routes([Wish("TB2", ANGLE)] * 1500, seed=1)
    numbers = {route.holds: i for i, route in enumerate(toy.routes)}
    counts = torch.zeros(len(toy))
    for route in written:
        counts[numbers[route.holds]] += 1
    likely = log_probs.argsort(descending=True)[:200]
    share, wanted = counts[likely].sum() / 1500, log_probs[likely].exp().sum()
    assert share.item() == pytest.approx(wanted.item(), abs=4 * (wanted * (1 - wanted) / 1500).sqrt().item())


def test_samples_are_drawn_by_their_probability(toy, model):
    with torch.no_grad():
        log_probs = toy.log_probs(model)
    drawn = toy.sample(log_probs, 20_000, seed=5)
    assert torch.equal(drawn, toy.sample(log_probs, 20_000, seed=5))
    mean, spread = (log_probs.exp() * toy.rewards).sum(), toy.rewards.std() / 20_000**0.5
    assert toy.rewards[drawn].mean().item() == pytest.approx(mean.item(), abs=5 * spread.item())


def test_the_exact_gradient_is_the_numeric_one(toy):
    model = GPT(toy.model(n_embd=8, zero_init=False), seed=1).double().eval()
    with torch.no_grad():
        log_ref = toy.log_probs(GPT(toy.model(n_embd=8, zero_init=False), seed=2).double().eval())
    weight = model.head.weight

    def value():
        return objective(toy.log_probs(model), log_ref, toy.rewards, 0.3)

    value().backward()
    for index in ((toy.tokenizer.ids["<TB2_p3_start>"], 2), (toy.tokenizer.ids["<EOS>"], 5)):
        with torch.no_grad():
            before, step = weight[index].item(), 1e-5
            ends = []
            for x in (before + step, before - step):
                weight[index] = x
                ends.append(value().item())
            weight[index] = before
        assert weight.grad[index].item() == pytest.approx((ends[0] - ends[1]) / (2 * step), rel=1e-4, abs=1e-9)


def test_another_vocabulary_is_refused(toy):
    with pytest.raises(ValueError, match="the model knows 9 tokens, the toy board has 64"):
        toy.log_probs(GPT(toy.model().changed(vocab_size=9)))
