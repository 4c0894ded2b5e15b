"""DPO, IPO, GRPO and Dr. GRPO give TRL's loss and TRL's gradient on the same tensors."""

from collections import defaultdict
from types import SimpleNamespace

import pytest
import torch

from labkit.rlhf.dpo import dpo_loss, ipo_loss
from labkit.rlhf.grpo import group_advantages, grpo_loss

pytest.importorskip("trl", reason="TRL is not installed: pip install -r requirements-dev.txt")

N, TIME, PROMPT = 6, 9, 3


@pytest.fixture(params=[0, 1, 2])
def batch(request):
    """Log-probabilities of texts of different lengths after prompts of three tokens, old ones and a reference's."""
    rng = torch.Generator().manual_seed(request.param)
    lengths = torch.randint(1, TIME - PROMPT + 1, (N,), generator=rng)
    written = torch.arange(TIME - PROMPT) < lengths[:, None]
    made = [-3 * torch.rand(N, TIME - PROMPT, generator=rng).double() for _ in range(2)]
    log_probs, ref = [torch.where(written, part, 0.0) for part in made]
    old = torch.where(written, log_probs + 0.4 * torch.randn(log_probs.shape, generator=rng), 0.0)
    rewards = torch.randn(2, N // 2, generator=rng).double()
    return SimpleNamespace(log_probs=log_probs.requires_grad_(), old=old, ref=ref, written=written, rewards=rewards)


class Alone:
    """Stands for the accelerator of one process."""

    num_processes, device = 1, "cpu"

    def gather(self, x):
        return x

    gather_for_metrics = gather

    def reduce(self, x, reduction):
        return x


def theirs(kind, **more):
    """What a trainer of theirs is asked for in its loss."""
    shared = {"accelerator": Alone(), "_metrics": defaultdict(lambda: defaultdict(list)), "aux_loss_enabled": False}
    return SimpleNamespace(model=SimpleNamespace(training=False), **shared, **more), kind


def their_dpo(batch, loss_type, beta, written):
    from trl.trainer.dpo_trainer import DPOTrainer

    class Ours:
        """A model that has said what the batch says."""

        def __init__(self, log_probs):
            self.log_probs = log_probs

        def __call__(self, **inputs):
            zeros = torch.zeros_like(self.log_probs)
            more = {name: zeros for name in ("entropy", "mean_logits", "log_sum_sq_probs")}
            return SimpleNamespace(log_probs=self.log_probs, is_top1=zeros.bool(), **more)

    trainer, _ = theirs(
        DPOTrainer,
        ld_alpha=None,
        precompute_ref_logps=True,
        f_divergence_type="reverse_kl",
        loss_types=[loss_type],
        loss_weights=[1.0],
        beta=beta,
        use_weighting=False,
        _total_train_tokens=0,
    )
    ref = (batch.ref * written).sum(1)
    mask = torch.cat((torch.zeros(N, 1), written), dim=1).long()  # one token of prompt
    inputs = {
        "input_ids": torch.zeros_like(mask),
        "attention_mask": torch.ones_like(mask),
        "completion_mask": mask,
        "ref_chosen_logps": ref[: N // 2],
        "ref_rejected_logps": ref[N // 2 :],
    }
    return DPOTrainer._compute_loss(trainer, Ours(batch.log_probs * written), inputs, False)


@pytest.mark.parametrize("beta", [0.1, 1.5])
def test_dpo_is_theirs(batch, beta):
    own, ref = (batch.log_probs * batch.written).sum(1), batch.ref.sum(1)
    ours = dpo_loss(own[: N // 2], own[N // 2 :], ref[: N // 2], ref[N // 2 :], beta)
    agree(ours, their_dpo(batch, "sigmoid", beta, batch.written), batch.log_probs)


@pytest.mark.parametrize("beta", [0.1, 1.5])
def test_ipo_is_theirs_where_texts_have_one_token(batch, beta):
    """TRL divides by the length, which the paper does not: of one token both are the same."""
    first = torch.zeros_like(batch.written)
    first[:, 0] = True
    own, ref = (batch.log_probs * first).sum(1), (batch.ref * first).sum(1)
    ours = ipo_loss(own[: N // 2], own[N // 2 :], ref[: N // 2], ref[N // 2 :], beta)
    agree(ours, their_dpo(batch, "ipo", beta, first), batch.log_probs)


@pytest.mark.parametrize("beta", [0.0, 0.3])
@pytest.mark.parametrize("per_text", [True, False])
def test_grpo_and_dr_grpo_are_theirs(batch, per_text, beta):
    from trl.trainer.grpo_trainer import GRPOTrainer

    advantages = group_advantages(batch.rewards, scale=per_text).flatten()
    trainer, _ = theirs(
        GRPOTrainer,
        _get_per_token_logps_and_entropies=lambda *_, **__: (batch.log_probs, torch.zeros(N, TIME - PROMPT), None),
        top_entropy_quantile=1.0,
        off_policy_mask_threshold=None,
        importance_sampling_level="token",
        beta=beta,
        args=SimpleNamespace(delta=None, use_bias_correction_kl=False),
        loss_type="grpo" if per_text else "dr_grpo",
        epsilon_low=0.2,
        epsilon_high=0.2,
        max_completion_length=TIME - PROMPT,
        use_vllm=False,
        _entropy_bonus_enabled=False,
    )
    inputs = {
        "prompt_ids": torch.zeros(N, PROMPT, dtype=torch.long),
        "prompt_mask": torch.ones(N, PROMPT, dtype=torch.long),
        "completion_ids": torch.zeros(N, TIME - PROMPT, dtype=torch.long),
        "completion_mask": batch.written.long(),
        "advantages": advantages,
        "old_per_token_logps": batch.old,
        "ref_per_token_logps": batch.ref,
    }
    longest = None if per_text else TIME - PROMPT
    ours = grpo_loss(batch.log_probs, batch.old, batch.ref, advantages, batch.written, 0.2, beta, longest)
    agree(ours, GRPOTrainer._compute_loss(trainer, trainer.model, inputs), batch.log_probs)


def agree(ours, their_loss, weights):
    assert ours.item() == pytest.approx(their_loss.item(), rel=1e-9)
    (mine,) = torch.autograd.grad(ours, weights, retain_graph=True)
    (other,) = torch.autograd.grad(their_loss, weights)
    assert mine.norm() > 0
    torch.testing.assert_close(mine, other)
