"""Assignment 7: what the messages say about each mistake, other right answers, and the reference beside exact sums."""

import math
from itertools import product

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - its usual name

from labkit.grading.assignment import WrongAnswerError, grade

NAME = "07-rlhf"


@pytest.fixture
def notebook(assignment_named):
    return assignment_named(NAME).namespace()


@pytest.mark.parametrize(
    ("stem", "hint"),
    [
        ("bradley_terry_loss__sign_flipped", "falls when the rejected one wins"),
        ("bradley_terry_loss__likelihood", "a loss is its negative"),
        ("bradley_terry_loss__log_of_the_sigmoid", "the log of 0 is -inf"),
        ("bradley_terry_loss__log_of_one_plus_exp", "exp overflows above 709"),
        ("bradley_terry_loss__exp_of_scores", "the difference first"),
        ("bradley_terry_loss__a_little_added", "nothing is cut off"),
        ("bradley_terry_loss__probabilities_cut_off", "nothing is cut off"),
        ("bradley_terry_loss__sum", "the mean is needed"),
        ("bradley_terry_loss__mean_first", "each pair has its own log-sigmoid"),
        ("bradley_terry_loss__log_of_the_mean_probability", "not the logarithm of the mean"),
        ("bradley_terry_loss__without_log", "the logarithm is missing"),
        ("bradley_terry_loss__without_sigmoid", "the log-sigmoid is missing"),
        ("bradley_terry_loss__hinge", "this is a hinge"),
        ("bradley_terry_loss__every_pair_of_answers", "pairs belong together"),
        ("bradley_terry_loss__bits", "this is in bits"),
        ("bradley_terry_loss__rejected_detached", "the gradient to rejected is not right"),
        ("bradley_terry_loss__a_float", "so that a gradient can be taken"),
        ("bradley_terry_loss__borrowed_from_the_package", "this calls labkit.rlhf"),
        ("best_of_n__argmin", "the lowest reward"),
        ("best_of_n__best_prompt", "prompts are rows"),
        ("best_of_n__rewards", "where they stand is needed"),
        ("best_of_n__last_of_equals", "the first counts"),
        ("best_of_n__furthest_from_zero", "not the one furthest from 0"),
        ("best_of_n__begins_at_zero", "not with 0"),
        ("best_of_n__keeps_the_dimension", "[3] is needed"),
        ("best_of_n__in_place", "changed what it was given"),
        ("best_of_n_kl__log_n", "(n - 1) / n is missing"),
        ("best_of_n_kl__whole_division", "rounded down to 0 by //"),
        ("best_of_n_kl__bits", "logarithm to base 2"),
        ("best_of_n_kl__one_over_n", "not 1 / n"),
        ("best_of_n_kl__added", "not added"),
        ("best_of_n_kl__sign", "a KL is 0 or more"),
        ("best_of_n_kl__nothing_refused", "this has to be refused"),
        ("best_of_n_kl__refused_by_another_error", "a ValueError is needed here"),
        ("best_of_n_kl__borrowed_from_the_package", "this calls labkit.rlhf"),
        ("rloo_advantages__own_reward_in_the_baseline", "has the reward itself in it"),
        ("rloo_advantages__not_detached", "an advantage is a weight"),
        ("rloo_advantages__baseline_detached", "an advantage is a weight"),
        ("rloo_advantages__divided_by_n", "n - 1, not n"),
        ("rloo_advantages__baseline_of_all_groups", "each group has its own"),
        ("rloo_advantages__over_the_groups", "not of the column"),
        ("rloo_advantages__mean_over_the_groups", "the samples of one prompt are a row"),
        ("rloo_advantages__standardised", "that is GRPO"),
        ("rloo_advantages__left_out_and_standardised", "that is GRPO"),
        ("rloo_advantages__sign", "better than the others is above 0"),
        ("rloo_advantages__baselines", "less its baseline"),
        ("rloo_advantages__no_baseline", "there is no baseline"),
        ("rloo_advantages__nan_for_one", "this has to be refused"),
        ("rloo_advantages__borrowed_from_the_package", "this calls labkit.rlhf"),
        ("ppo_clip_loss__max", "the larger of both"),
        ("ppo_clip_loss__clip_without_min", "never called back"),
        ("ppo_clip_loss__not_clipped", "nothing is clipped"),
        ("ppo_clip_loss__min_of_the_ratios", "the min is of the products"),
        ("ppo_clip_loss__clipped_above_alone", "clipped above alone"),
        ("ppo_clip_loss__clipped_below_alone", "clipped below alone"),
        ("ppo_clip_loss__around_zero", "1 - clip to 1 + clip"),
        ("ppo_clip_loss__logarithm_clipped", "not its logarithm"),
        ("ppo_clip_loss__advantages_clipped", "not the advantage"),
        ("ppo_clip_loss__old_over_new", "upside down"),
        ("ppo_clip_loss__no_exp", "exp is missing"),
        ("ppo_clip_loss__no_ratio", "the ratio is missing"),
        ("ppo_clip_loss__ratio_of_the_whole_answer", "each token has its own ratio"),
        ("ppo_clip_loss__sign", "a loss with a minus"),
        ("ppo_clip_loss__sum", "the mean is needed"),
        ("ppo_clip_loss__padding_counted", "padding is counted"),
        ("ppo_clip_loss__padding_times_zero", "nan · 0 is nan"),
        ("ppo_clip_loss__padding_left_out_too_late", "0 elsewhere, at padding too"),
        ("ppo_clip_loss__divided_by_all_places", "divided by it too"),
        ("ppo_clip_loss__every_answer_the_same", "each answer counts the same here"),
        ("ppo_clip_loss__per_answer", "divide by that of the tokens"),
        ("ppo_clip_loss__advantages_not_detached", "passes to advantages"),
        ("ppo_clip_loss__old_not_detached", "passes to old_log_probs"),
        ("ppo_clip_loss__borrowed_from_the_package", "this calls labkit.rlhf"),
        ("dpo_loss__reference_not_frozen", "passes to ref_chosen"),
        ("dpo_loss__half_of_the_reference_frozen", "passes to ref_rejected"),
        ("dpo_loss__everything_frozen", "the result has no gradient"),
        ("dpo_loss__rejected_frozen", "the gradient to policy_rejected is not right"),
        ("dpo_loss__sign_flipped", "falls when the rejected one wins"),
        ("dpo_loss__beta_outside", "β stands inside the σ"),
        ("dpo_loss__beta_divides", "β multiplies"),
        ("dpo_loss__no_beta", "β is missing"),
        ("dpo_loss__no_reference", "the reference is missing"),
        ("dpo_loss__reference_added", "the reference is added"),
        ("dpo_loss__references_swapped", "its two parts changed places"),
        ("dpo_loss__ratio_of_the_logarithms", "the logarithm of a ratio is a difference"),
        ("dpo_loss__log_of_the_sigmoid", "the log of 0 is -inf"),
        ("dpo_loss__a_little_added", "costs 10,000"),
        ("dpo_loss__mean_first", "the mean comes last"),
        ("dpo_loss__no_comparison", "this is no comparison"),
        ("dpo_loss__square", "this is IPO"),
        ("dpo_loss__borrowed_from_the_package", "this calls labkit.rlhf"),
        ("kl_estimator__k1", "this is k1"),
        ("kl_estimator__k2", "this is k2: weighed by p they add up to"),
        ("kl_estimator__upside_down", "r is upside down"),
        ("kl_estimator__size_of_k1", "the size of k1"),
        ("kl_estimator__k1_cut_off", "k1 cut off at 0"),
        ("kl_estimator__exp_minus_one", "torch.expm1(x) does not"),
        ("kl_estimator__cut_off_at_zero", "torch.expm1(x) does not"),
        ("kl_estimator__without_one", "where p and q agree, it is 0"),
        ("kl_estimator__sign", "each estimate is 0 or more"),
        ("kl_estimator__weighed_by_p", "weighed by p once more"),
        ("kl_estimator__sum_over_outcomes", "weighed by p once more"),
        ("kl_estimator__probabilities", "e^-900 is 0 in a float"),
        ("kl_estimator__detached", "the result has no gradient"),
        ("kl_estimator__borrowed_from_the_package", "this calls labkit.rlhf"),
    ],
)
def test_the_message_says_what_is_likely_wrong(wrong_named, stem, hint):
    assignment, path = wrong_named(stem)
    namespace = assignment.namespace()
    exec(path.read_text(encoding="utf-8"), namespace)
    with pytest.raises(WrongAnswerError) as wrong:
        grade(NAME, stem.split("__")[0], namespace)
    assert hint in str(wrong.value)


# -- right in another way


def written_out(chosen, rejected):
    return F.softplus(rejected - chosen).sum() / len(chosen)


def as_a_classification(chosen, rejected):
    return F.binary_cross_entropy_with_logits(chosen - rejected, torch.ones_like(chosen))


def as_a_softmax(chosen, rejected):
    return -torch.stack([chosen, rejected]).log_softmax(dim=0)[0].mean()


def row_by_row(rewards):
    return torch.tensor([row.index(max(row)) for row in rewards.tolist()])


def scaled_up(rewards):
    """The mean of all, n / (n - 1) times as large, is the same."""
    n = rewards.shape[1]
    if n == 1:
        raise ValueError("a group of one")
    with torch.no_grad():
        return (rewards - rewards.mean(dim=1, keepdim=True)) * n / (n - 1)


def padding_filled(log_probs, old_log_probs, advantages, mask, clip=0.2):
    """Padding is 0 before anything is computed; the two sides written apart."""
    change = torch.where(mask, log_probs, 0.0) - torch.where(mask, old_log_probs, 0.0).detach()
    weights = advantages.detach().masked_fill(~mask, 0.0)
    loss = torch.max(-change.exp() * weights, -change.exp().clip(1 - clip, 1 + clip) * weights)
    return (loss * mask).sum() / mask.sum()


def by_sign(log_probs, old_log_probs, advantages, mask, clip=0.2):
    """The bound that the sign of the advantage chooses."""
    weights = advantages[mask].detach()
    ratio = torch.exp(log_probs[mask] - old_log_probs[mask].detach())
    return -torch.where(weights > 0, ratio.clamp(max=1 + clip), ratio.clamp(min=1 - clip)).mul(weights).mean()


def with_no_grad(policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta):
    with torch.no_grad():
        reference = ref_chosen - ref_rejected
    return F.softplus(-beta * (policy_chosen - policy_rejected - reference)).mean()


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("bradley_terry_loss", written_out),
        ("bradley_terry_loss", as_a_classification),
        ("bradley_terry_loss", as_a_softmax),
        ("best_of_n", row_by_row),
        ("rloo_advantages", scaled_up),
        ("ppo_clip_loss", padding_filled),
        ("ppo_clip_loss", by_sign),
        ("dpo_loss", with_no_grad),
    ],
)
def test_other_ways_are_right_too(notebook, name, other):
    grade(NAME, name, notebook | {name: other})


# -- the reference


def numbers(*shape, seed=1, scale=1.0):
    rng = torch.Generator().manual_seed(seed)
    return (scale * torch.randn(shape, generator=rng, dtype=torch.float64)).requires_grad_()


def test_gradients_are_the_numeric_ones(notebook):
    check = torch.autograd.gradcheck
    assert check(notebook["bradley_terry_loss"], (numbers(5), numbers(5, seed=2)))
    reference = numbers(2, 5, seed=3).detach()
    assert check(lambda a, b: notebook["dpo_loss"](a, b, *reference, 0.3), (numbers(5), numbers(5, seed=2)))
    assert check(notebook["kl_estimator"], (numbers(2, 3), numbers(2, 3, seed=2)))
    old, weights = numbers(3, 4, seed=4).detach(), numbers(3, 4, seed=5).detach()
    mask = torch.arange(4) < torch.tensor([[4], [1], [3]])
    new = (old + numbers(3, 4, seed=6, scale=0.3)).detach().requires_grad_()
    assert check(lambda x: notebook["ppo_clip_loss"](x, old, weights, mask, 0.2), (new,))


@pytest.mark.parametrize("n", [1, 2, 5, 30])
@pytest.mark.parametrize("answers", [2, 9, 400])
def test_the_kl_of_best_of_n_is_below_its_bound(notebook, n, answers):
    """Over all answers of a model with unequal probabilities, no two of the same reward."""
    p = numbers(answers).detach().softmax(0).numpy()  # answer k has the k-th lowest reward
    below = np.cumsum(p).clip(0, 1)
    best = below**n - np.concatenate([[0.0], below[:-1]]) ** n
    seen = best > 0
    kl = (best[seen] * np.log(best[seen] / p[seen])).sum()
    bound = notebook["best_of_n_kl"](n)
    assert kl <= bound + 1e-9
    assert kl > bound - 0.01 * n or answers < 400  # many answers: nearly as much as may be


def test_leaving_one_out_is_right_on_average_and_the_mean_of_all_is_not(notebook):
    """All pairs of samples of a policy over four answers: the mean gradient is that of the expected reward."""
    logits, rewards = numbers(4), torch.tensor([1.0, -2.0, 0.5, 4.0], dtype=torch.float64)
    log_p = logits.log_softmax(0)
    p = log_p.exp().detach()
    pairs = torch.tensor(list(product(range(4), repeat=2)))
    weights = p[pairs].prod(dim=1, keepdim=True)
    for advantages, share in (
        (notebook["rloo_advantages"](rewards[pairs]), 1.0),
        (rewards[pairs] - rewards[pairs].mean(dim=1, keepdim=True), 0.5),
    ):
        estimate = (weights * advantages * log_p[pairs]).sum() / 2
        exact = share * (log_p.exp() * rewards).sum()
        torch.testing.assert_close(*(torch.autograd.grad(x, logits, retain_graph=True)[0] for x in (estimate, exact)))


def test_the_first_step_of_ppo_is_the_policy_gradient(notebook):
    new, weights = numbers(3, 4), numbers(3, 4, seed=2).detach()
    mask = torch.arange(4) < torch.tensor([[4], [2], [1]])
    ours = torch.autograd.grad(notebook["ppo_clip_loss"](new, new, weights, mask, 0.2), new)
    plain = torch.autograd.grad(-(new * weights)[mask].mean(), new)
    torch.testing.assert_close(ours, plain)


def test_dpo_is_least_at_the_best_policy(notebook):
    """With the choices that Bradley and Terry expect, all of them: its gradient there is 0, and nowhere near."""
    rewards, log_ref = numbers(5, seed=3).detach(), numbers(5, seed=4).detach().log_softmax(0)
    best = (log_ref + rewards / 0.4).log_softmax(0)

    def slope(log_policy):
        logits = log_policy.clone().requires_grad_()
        now = logits.log_softmax(0)
        loss = sum(
            torch.sigmoid(rewards[a] - rewards[b])
            * notebook["dpo_loss"](now[[a]], now[[b]], log_ref[[a]], log_ref[[b]], 0.4)
            for a, b in product(range(5), repeat=2)
            if a != b
        )
        return torch.autograd.grad(loss, logits)[0].abs().max().item()

    assert slope(best) < 1e-12
    assert slope(log_ref) > 0.1


def test_the_estimate_is_right_on_average_and_never_below_zero(notebook):
    log_p, log_q = (numbers(50, seed=seed, scale=2.0).detach().log_softmax(0) for seed in (1, 2))
    estimates = notebook["kl_estimator"](log_p, log_q)
    assert estimates.min() >= 0
    expected = F.kl_div(log_q, log_p, reduction="sum", log_target=True)
    assert (log_p.exp() * estimates).sum().item() == pytest.approx(expected.item())


def test_the_model_answer_has_the_numbers_that_the_cell_prints(assignment_named):
    cells = {cell["id"]: cell for cell in assignment_named(NAME).notebook["cells"]}
    printed = "".join("".join(output["text"]) for output in cells["check-judges"]["outputs"])
    answer = "".join(cells["why-judges"]["source"])
    rows = [[float(x) for x in line.split()] for line in printed.splitlines()[3:]]
    far, judge, true, careful = (np.array([row[column] for row in rows]) for column in (1, 2, 3, 5))
    assert (np.diff(judge) > 0).all()
    peak = int(true.argmax())
    assert f"{far[peak]:.1f}" in answer
    assert (np.diff(true[peak:]) < 0).all()
    assert true[-1] < true[0] - 2
    assert (np.diff(careful) > 0).all()
    assert printed.splitlines()[0].split()[-1] in answer
    assert math.isinf(rows[0][0])
