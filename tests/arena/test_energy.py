"""The formula against torch's own counter, and a budget that is never overdrawn."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.flop_counter import FlopCounterMode

from labkit.arena import JOULES_PER_FLOP, Budget, Flops, OutOfEnergy


class TorchGPT:
    """The same model token by token, as matrix-vector products (rows times transposed matrices) with a cache."""

    def __init__(self, n_embd, n_layer, vocab_size, n_head, block_size=16):
        def matrix(rows, columns):
            return torch.randn(rows, columns).mul_(0.1).requires_grad_()

        d, self.n_head = n_embd, n_head
        self.wte, self.wpe, self.lm_head = matrix(vocab_size, d), matrix(block_size, d), matrix(vocab_size, d)
        shapes = {"q": (d, d), "k": (d, d), "v": (d, d), "o": (d, d), "up": (4 * d, d), "down": (d, 4 * d)}
        self.layers = [{name: matrix(*shape) for name, shape in shapes.items()} for _ in range(n_layer)]

    def cache(self):
        return [([], []) for _ in self.layers]

    def forward(self, token, position, cache):
        norm = torch.nn.functional.rms_norm
        x = (self.wte[token] + self.wpe[position])[None]
        width = x.shape[-1:]
        x = norm(x, width)
        for layer, (keys, values) in zip(self.layers, cache, strict=True):
            normed = norm(x, width)
            # [n_head, 1, head_dim]
            q, k, v = ((normed @ layer[name].T).view(self.n_head, 1, -1) for name in "qkv")
            keys.append(k)
            values.append(v)
            scores = q @ torch.cat(keys, 1).transpose(1, 2)
            mixed = scores.softmax(-1) @ torch.cat(values, 1)
            x = x + mixed.view(1, -1) @ layer["o"].T
            x = x + (norm(x, width) @ layer["up"].T).relu().square() @ layer["down"].T
        return x @ self.lm_head.T

    def loss(self, tokens):
        cache = self.cache()
        logits = [self.forward(token, i, cache) for i, token in enumerate(tokens[:-1])]
        return torch.nn.functional.cross_entropy(torch.cat(logits), torch.tensor(tokens[1:]))


def counted(work):
    with FlopCounterMode(display=False) as counter:
        work()
    return counter.get_total_flops()


shapes = st.tuples(st.integers(1, 4), st.sampled_from([1, 2, 4]), st.integers(1, 3), st.integers(2, 30))


@settings(max_examples=12, deadline=None, derandomize=True)
@given(shapes, st.integers(1, 7))
def test_forward_and_training_are_what_torch_counts(shape, n):
    per_head, n_head, n_layer, vocab_size = shape
    model = TorchGPT(per_head * n_head, n_layer, vocab_size, n_head)
    flops = Flops(per_head * n_head, n_layer, vocab_size)
    tokens = [i % vocab_size for i in range(n + 1)]
    cache = model.cache()
    for position in range(n):
        assert counted(lambda p=position: model.forward(tokens[p], p, cache)) == flops.forward(position)
    assert counted(lambda: model.loss(tokens)) == flops.sequence(n) == flops.sampling(n)
    assert counted(lambda: model.loss(tokens).backward()) == flops.training(n)


@given(shapes, st.integers(0, 40))
def test_a_sequence_is_the_sum_of_its_tokens(shape, n):
    flops = Flops(shape[0] * shape[1], shape[2], shape[3])
    assert flops.sequence(n) == sum(map(flops.forward, range(n)))


def test_the_default_agent_by_hand():
    # 16 wide, 1 layer, 27 tokens, the first position: 12·256 + 2·16 + 27·16 multiply-adds
    assert Flops(16, 1, 27).forward(0) == 2 * (3072 + 32 + 432)
    for wrong in (Flops(16, 1, 27).forward, Flops(16, 1, 27).sequence):
        with pytest.raises(ValueError, match="0 or more, got -1"):
            wrong(-1)


def test_what_a_step_charges_is_what_its_name_costs(make):
    agent = make()
    for _ in range(5):
        before, cost = agent.budget.spent_flops, agent.run.next_cost()
        step = next(agent.run)
        assert agent.budget.spent_flops - before == cost == agent.run.flops.training(step.tokens)
        assert step.extra["energy"] == agent.budget.spent


# -- the budget


@given(st.floats(0, 1e6), st.lists(st.integers(0, 10**12), max_size=30))
def test_a_budget_is_never_overdrawn(limit, charges):
    budget = Budget(limit)
    paid = 0
    for flops in charges:
        if budget.can_pay(flops):
            budget.charge(flops)
            paid += flops
        else:
            with pytest.raises(OutOfEnergy):
                budget.charge(flops)
        assert budget.spent_flops == paid
        assert 0 <= budget.spent <= limit
        assert budget.left >= 0


def test_without_a_limit_everything_is_paid():
    budget = Budget()
    budget.charge(10**15)
    assert (budget.left, budget.limit) == (math.inf, None)
    assert budget.spent == 10**15 * JOULES_PER_FLOP


def test_what_is_refused_says_what_it_takes_and_what_is_left():
    budget = Budget(2)
    budget.charge(500_000)
    with pytest.raises(OutOfEnergy, match=r"this takes 3 J, and 1\.5 J of 2 J are left"):
        budget.charge(3_000_000)
    with pytest.raises(ValueError, match=r"0\.5 J are spent already, so the limit cannot be 0\.1 J"):
        budget.limit = 0.1
    assert budget.limit == 2
    with pytest.raises(ValueError, match="cannot be given back"):
        budget.charge(-1)


@pytest.mark.parametrize("limit", [-1, math.inf, math.nan, "10", True])
def test_a_limit_is_a_number_of_joules(limit):
    with pytest.raises(ValueError, match="energy must be a number of joules"):
        Budget(limit)


def test_a_budget_as_data():
    budget = Budget(5)
    budget.charge(1234)
    again = Budget.from_dict(budget.to_dict())
    assert (again.limit, again.spent_flops) == (5, 1234)
    for wrong in (
        None,
        {},
        {"limit": 1},
        {"limit": 1, "spent_flops": -1},
        {"limit": 1, "spent_flops": 1.5},
        {"limit": 1, "spent_flops": 10**9},
        {"limit": "1", "spent_flops": 0},
        {"limit": None, "spent_flops": 10**400},
        {"limit": 5, "spent_flops": 10**400},
        {"limit": 10**400, "spent_flops": 0},
        {"limit": 1e300, "spent_flops": 0},
    ):
        with pytest.raises(ValueError, match="energy"):
            Budget.from_dict(wrong)
