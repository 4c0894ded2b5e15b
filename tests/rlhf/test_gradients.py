"""What each method's estimate of the gradient is, against the exact one over all routes of the toy board."""

import pytest
import torch

from labkit.rlhf.exact import expected, objective
from labkit.rlhf.gradients import exact_gradient, quality
from labkit.rlhf.grpo import group_advantages, grpo_loss
from labkit.rlhf.ppo import clipped_loss, gae
from labkit.rlhf.reinforce import penalised, policy_gradient_loss
from labkit.rlhf.rloo import rloo_advantages
from labkit.rlhf.run import Rollout
from labkit.rlhf.table import TablePolicy
from labkit.rlhf.toy import ToyBoard

BETA = 0.5


@pytest.fixture(scope="module")
def task():
    """A table on the way from its reference, and that reference."""
    toy = ToyBoard()
    reference, policy = TablePolicy(toy), TablePolicy(toy)
    torch.nn.init.normal_(policy.logits, std=0.5, generator=torch.Generator().manual_seed(1))
    return policy, reference.all_log_probs().detach()


def reinforce(baseline):
    return lambda log_probs, rollout: policy_gradient_loss(log_probs, penalised(rollout, BETA) - baseline)


def rloo(log_probs, rollout):
    return policy_gradient_loss(log_probs, rloo_advantages(penalised(rollout, BETA)[None]).flatten())


def of(task, loss, n=64, repeats=600):
    return quality(*task, BETA, loss, n, repeats)


def test_the_exact_gradient_is_the_numeric_one(task):
    policy, log_ref = task
    gradient = exact_gradient(policy, log_ref, BETA)
    node = int(gradient.abs().sum(1).argmax())
    token = int(gradient[node].abs().argmax())
    values = []
    with torch.no_grad():
        before = policy.logits[node, token].item()
        for step in (1e-2, -1e-2):
            policy.logits[node, token] = before + step
            values.append(objective(policy.all_log_probs(), log_ref, policy.toy.rewards, BETA).item())
        policy.logits[node, token] = before
    assert gradient[node, token].item() == pytest.approx((values[0] - values[1]) / 0.02, rel=1e-3)


@pytest.mark.parametrize("loss", [reinforce(0.0), reinforce(-2.0), rloo], ids=["none", "baseline", "rloo"])
def test_reinforce_and_rloo_are_unbiased(task, loss):
    found = of(task, loss)
    assert found.bias < 1.3 * found.by_chance
    assert found.by_chance < 0.35  # so that a bias of the gradient's own size would have been seen
    assert found.cosine > 0.94


def test_a_baseline_calms(task):
    losses = reinforce(0.0), reinforce(4.0), reinforce(-2.0), rloo
    none, far, near, left_out = (of(task, loss, repeats=150) for loss in losses)
    assert far.noise > 1.5 * none.noise > 1.5 * near.noise
    assert left_out.noise == pytest.approx(near.noise, rel=0.3)


def test_at_the_optimum_nothing_is_left_but_no_noise_either(task):
    policy, log_ref = task
    toy = policy.toy
    # Only the way that the estimate is made is asked for: the reward is the one that this policy is the best for.
    best = BETA * (policy.all_log_probs().detach() - log_ref)
    drawn = toy.sample(policy.all_log_probs(), 64, 0)
    samples = toy.samples(drawn)
    log_probs = policy.log_probs(samples)
    ref = torch.zeros_like(log_probs)
    ref[:, toy.prompt] = log_ref[drawn].float()
    rollout = Rollout(samples, log_probs.detach(), ref, best[drawn].float(), 64)
    (gradient,) = torch.autograd.grad(rloo(log_probs, rollout), policy.logits)
    assert gradient.abs().max() < 1e-5


def test_ppos_first_update_is_the_policy_gradient(task):
    policy, _ = task
    samples = policy.sample(32, seed=0)
    log_probs = policy.log_probs(samples)
    advantages = torch.randn(32, generator=torch.Generator().manual_seed(0))
    ppo = clipped_loss(log_probs, log_probs.detach(), advantages[:, None], samples.written, 0.2).sum() / 32
    first = torch.autograd.grad(ppo, policy.logits, retain_graph=True)[0]
    (wanted,) = torch.autograd.grad(policy_gradient_loss(log_probs, advantages), policy.logits)
    torch.testing.assert_close(first, wanted)


def test_with_lambda_1_a_tokens_advantage_is_what_came_after_it_less_what_was_expected():
    rng = torch.Generator().manual_seed(0)
    rewards, values = torch.randn(2, 4, 6, generator=rng)
    written = torch.tensor([[0, 1, 1, 1, 1, 1], [0, 1, 1, 0, 0, 0], [0, 0, 1, 1, 1, 0], [0, 1, 0, 0, 0, 0]]).bool()
    rewards = torch.where(written, rewards, 0.0)
    to_come = rewards.flip(1).cumsum(1).flip(1)
    torch.testing.assert_close(gae(rewards, values, written, 1.0), torch.where(written, to_come - values, 0.0))
    one_step = gae(rewards, values, written, 0.0)
    assert one_step[1, 1].item() == pytest.approx((rewards[1, 1] + values[1, 2] - values[1, 1]).item())
    assert one_step[1, 2].item() == pytest.approx((rewards[1, 2] - values[1, 2]).item())


@pytest.mark.parametrize(("advantage", "ratio", "moves"), [(1, 1.5, 0), (1, 0.5, 1), (-1, 0.5, 0), (-1, 1.5, 1)])
def test_the_clip_stops_what_has_gone_far_enough_and_nothing_else(advantage, ratio, moves):
    log_probs = torch.tensor([[ratio]]).log().requires_grad_()
    mask, advantages = torch.ones(1, 1, dtype=torch.bool), torch.tensor([[float(advantage)]])
    loss = clipped_loss(log_probs, torch.zeros(1, 1), advantages, mask, 0.2)
    (gradient,) = torch.autograd.grad(loss.sum(), log_probs)
    assert gradient.item() == pytest.approx(-advantage * ratio * moves)


def test_per_text_normalisation_bends_the_gradient_and_dr_grpo_does_not(task):
    def grpo(per_text):
        def loss(log_probs, rollout):
            advantages = group_advantages(penalised(rollout, BETA)[None], scale=False).flatten()
            ref = torch.zeros_like(log_probs)
            written = rollout.samples.written
            longest = None if per_text else written.shape[1]
            return grpo_loss(log_probs, rollout.log_probs, ref, advantages, written, 0.2, 0.0, longest)

        return loss

    bent, straight = of(task, grpo(True)), of(task, grpo(False))
    # Both are shorter than the exact gradient, by a length: the direction is what a bias is seen in.
    assert straight.cosine > bent.cosine
    rows = torch.tensor([-1.0, 1.0, 3.0])
    assert group_advantages(torch.stack((rows, 100 * rows))).diff(dim=0).abs().max() < 1e-3
    assert group_advantages(torch.stack((rows, 100 * rows)), scale=False)[1].tolist() == [-200.0, 0.0, 200.0]


def test_a_long_bad_text_is_punished_less_a_token_than_a_short_one():
    written = torch.tensor([[True] * 2 + [False] * 6, [True] * 8])
    log_probs = torch.zeros(2, 8, requires_grad=True)
    zeros, bad = torch.zeros(2, 8), torch.tensor([-1.0, -1.0])
    for per_text, factor in ((True, 4.0), (False, 1.0)):
        loss = grpo_loss(log_probs, zeros, zeros, bad, written, 0.2, 0.0, None if per_text else 8)
        (gradient,) = torch.autograd.grad(loss, log_probs)
        assert (gradient[0, 0] / gradient[1, 0]).item() == pytest.approx(factor)


def test_what_else_is_in_a_batch_does_not_change_dr_grpos_loss_of_a_text():
    rng = torch.Generator().manual_seed(0)
    log_probs, old = -torch.rand(2, 3, 6, generator=rng)
    written, bad = torch.ones(3, 6, dtype=torch.bool), torch.tensor([1.0, -1.0, 2.0])
    wide = [torch.nn.functional.pad(part, (0, 20)) for part in (log_probs, old, written)]
    args = (bad, 0.2, 0.3, 8)
    near = grpo_loss(log_probs, old, old, args[0], written, *args[1:])
    far = grpo_loss(wide[0], wide[1], wide[1], args[0], wide[2], *args[1:])
    torch.testing.assert_close(near, far)


def test_what_cannot_be_compared_is_refused():
    with pytest.raises(ValueError, match=r"leave-one-out needs \[groups, 2 or more\] rewards, got \[3, 1\]"):
        rloo_advantages(torch.zeros(3, 1))
    with pytest.raises(ValueError, match="a group needs 2 or more rewards"):
        group_advantages(torch.zeros(3, 1))
    assert not group_advantages(torch.full((2, 4), 7.0)).any()


def test_the_objective_that_is_climbed_is_the_exact_one(task):
    policy, log_ref = task
    log_probs = policy.all_log_probs()
    sampled = policy.toy.sample(log_probs, 200_000, 3)
    value = policy.toy.rewards[sampled] - BETA * (log_probs - log_ref)[sampled]
    exact = objective(log_probs, log_ref, policy.toy.rewards, BETA)
    assert value.mean().item() == pytest.approx(exact.item(), abs=4 * value.std().item() / 200_000**0.5)
    assert expected(log_probs, policy.toy.rewards) > exact
