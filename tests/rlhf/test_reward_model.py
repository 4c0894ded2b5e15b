"""The loss against torch's and known rewards; scores that ask no neighbour; files; ensembles by hand."""

import math

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from hypothesis import given, settings
from hypothesis import strategies as st

from labkit.gpt import GPT, GPTConfig
from labkit.gpt.tensor_file import read_tensors, write_tensors
from labkit.rlhf.policy import padded
from labkit.rlhf.reward_model import RewardEnsemble, RewardModel, bradley_terry_loss, reward_config, with_trunk_of
from labkit.tokenizers import CharTokenizer

TOKENIZER = CharTokenizer.train("abcdefgh")
TEXTS = ["a", "hag", "bad", "facade", "headache"[:7], "cabbage", "dd", "gh" * 5]
SMALL = {"block_size": 12, "n_layer": 2, "n_head": 2, "n_embd": 16}


def with_random_weights(model, seed=0):
    rng = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for p in model.parameters():
            p.copy_(0.5 * torch.randn(p.shape, generator=rng))
    return model


def scorer(seed=0, **changes):
    model = GPT(reward_config(TOKENIZER.vocab_size, **SMALL | changes))
    return RewardModel(with_random_weights(model, seed), TOKENIZER)


def language_model(preset="modern", **changes):
    return with_random_weights(GPT(GPTConfig.preset(preset, TOKENIZER.vocab_size, **SMALL | changes)), 3)


# -- the loss


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.floats(-50, 50), st.floats(-50, 50), st.sampled_from([0.0, 0.5, 1.0])), min_size=1))
def test_the_loss_is_torchs_binary_cross_entropy_of_the_margin(pairs):
    chosen, rejected, targets = torch.tensor(pairs, dtype=torch.float64).unbind(1)
    loss = bradley_terry_loss(chosen, rejected, targets)
    assert loss.item() == pytest.approx(F.binary_cross_entropy_with_logits(chosen - rejected, targets).item(), abs=1e-9)
    ones = F.binary_cross_entropy_with_logits(chosen - rejected, torch.ones_like(chosen))
    assert bradley_terry_loss(chosen, rejected).item() == pytest.approx(ones.item(), abs=1e-9)
    assert bradley_terry_loss(rejected, chosen, 1 - targets).item() == pytest.approx(loss.item(), abs=1e-9)
    assert bradley_terry_loss(chosen + 7, rejected + 7, targets).item() == pytest.approx(loss.item(), abs=1e-9)


def test_the_loss_by_hand_and_far_out():
    def loss(*numbers):
        return bradley_terry_loss(*(torch.tensor([x]) for x in numbers)).item()

    assert loss(1.0, 1.0) == pytest.approx(math.log(2))
    assert loss(math.log(3), 0.0) == pytest.approx(-math.log(0.75))
    assert loss(0.0, 1e4) == pytest.approx(1e4)  # a sigmoid before the logarithm would give infinity
    assert loss(1e4, 0.0, 0.5) == pytest.approx(5e3)
    far = torch.tensor([-1e4], requires_grad=True)
    bradley_terry_loss(far, torch.zeros(1)).backward()
    assert far.grad.item() == pytest.approx(-1)


def test_its_optimum_has_the_rewards_that_made_the_answers():
    """Targets are the probabilities of known rewards: then nothing but these, up to a constant, has the least loss."""
    true = torch.tensor([0.0, 1.5, -2.0, 0.3, 4.0], dtype=torch.float64)
    i, j = torch.combinations(torch.arange(5)).unbind(1)
    found = torch.zeros(5, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([found], max_iter=200, tolerance_grad=1e-12, line_search_fn="strong_wolfe")

    def closure():
        optimizer.zero_grad()
        loss = bradley_terry_loss(found[i], found[j], (true[i] - true[j]).sigmoid())
        loss.backward()
        return loss

    optimizer.step(closure)
    assert (found - found[0]).tolist() == pytest.approx((true - true[0]).tolist(), abs=1e-4)


# -- scores


@pytest.mark.parametrize("changes", [{}, {"causal": False}, {"conv_width": 3}, {"positions": "learned"}])
def test_a_score_asks_no_neighbour(changes):
    model = scorer(**changes)
    together = model.score(TEXTS)
    assert together.std() > 0.1  # else the rest would say little
    alone = [model.score([text]).item() for text in TEXTS]
    assert together.tolist() == pytest.approx(alone, abs=1e-5)
    assert model.score(TEXTS[::-1]).tolist() == pytest.approx(alone[::-1], abs=1e-5)
    bare = [model.model(torch.tensor([TOKENIZER.encode(text)])).item() for text in TEXTS]
    assert alone == pytest.approx(bare, abs=1e-6)
    assert model.score([]).shape == (0,)


@pytest.mark.parametrize("causal", [True, False])
def test_ids_and_samples_score_as_their_texts(causal):
    model = scorer(causal=causal, dropout=0.5)
    ids = [TOKENIZER.encode(text) for text in TEXTS]
    samples = padded([row[:1] for row in ids[1:]], [row[1:] for row in ids[1:]])
    scores = model.score(TEXTS[1:])
    assert model(samples).tolist() == pytest.approx(scores.tolist(), abs=1e-5)
    real = torch.arange(samples.ids.shape[1]) < torch.tensor([len(text) for text in TEXTS[1:]])[:, None]
    assert model(samples.ids, real).tolist() == pytest.approx(scores.tolist(), abs=1e-5)
    assert model(torch.tensor(ids[1:3])).tolist() == pytest.approx(scores[:2].tolist(), abs=1e-5)
    many = padded([row[:1] for row in ids[1:]] * 50, [row[1:] for row in ids[1:]] * 50)  # more than are read together
    assert model(many).tolist() == pytest.approx(scores.tolist() * 50, abs=1e-5)
    assert not model(samples).requires_grad


def test_centred_texts_have_the_mean_zero_and_differences_stay():
    model = scorer()
    centred = model.centred(TEXTS[:5])
    assert centred.score(TEXTS[:5]).mean().item() == pytest.approx(0, abs=1e-6)
    shift = model.score(TEXTS) - centred.score(TEXTS)
    assert shift.tolist() == pytest.approx([model.score(TEXTS[:5]).mean().item()] * len(TEXTS), abs=1e-5)
    assert centred.centred(TEXTS).score(TEXTS).mean().item() == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize(
    ("preset", "changes"), [("modern", {}), ("gpt2", {}), ("micro", {}), ("modern", {"tied": True})]
)
def test_it_starts_from_a_language_models_trunk(preset, changes):
    lm = language_model(preset, **changes)
    before = [p.clone() for p in lm.parameters()]
    model = RewardModel.start_from(lm, TOKENIZER)
    assert model.score(TEXTS).tolist() == [0.0] * len(TEXTS)
    tokens = torch.tensor([TOKENIZER.encode("facade")])
    assert torch.equal(model.model.hidden(tokens), lm.eval().hidden(tokens))
    with torch.no_grad():
        for p in model.model.parameters():
            p.add_(1.0)
    assert all(torch.equal(p, q) for p, q in zip(lm.parameters(), before, strict=True))


# -- files


def test_a_reward_model_is_a_file(tmp_path):
    model = scorer(causal=False).centred(TEXTS)
    path = model.save(tmp_path / "reward.safetensors", about={"labeller": "you"})
    again = RewardModel.load(path)
    assert again.score(TEXTS).tolist() == model.score(TEXTS).tolist()
    assert (again.mean, again.tokenizer, again.model.config) == (model.mean, TOKENIZER, model.model.config)
    assert read_tensors(path)[1]["about"] == {"labeller": "you"}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t, d: d.update(format="x"), "not a reward model: expected .* got 'x'"),
        (lambda t, d: d.pop("mean"), "mean"),
        (lambda t, d: d["tokenizer"].update(characters="ba"), "characters of a tokenizer ascend"),
        (lambda t, d: t.pop("head.bias"), "missing weights: head.bias"),
        (lambda t, d: d["config"].update(head="lm"), "head"),
    ],
)
def test_a_file_that_is_none_is_refused(change, words, tmp_path):
    path = scorer().save(tmp_path / "reward.safetensors")
    tensors, document = read_tensors(path)
    change(tensors, document)
    write_tensors(path, tensors, document)
    with pytest.raises(ValueError, match=words) as error:
        RewardModel.load(path)
    assert str(error.value).startswith(str(path))


# -- ensembles


class Told(RewardModel):
    """Scores by a table."""

    def __init__(self, scores):
        super().__init__(scorer().model, TOKENIZER)
        self.scores = torch.tensor(scores)

    def score(self, texts):
        return self.scores[: len(texts)]


def test_an_ensemble_is_the_mean_less_its_doubt():
    members = [Told([1.0, 4.0]), Told([1.0, 0.0]), Told([1.0, 2.0])]
    assert RewardEnsemble(members, caution=0).score(["a", "b"]).tolist() == [1.0, 2.0]
    doubt = math.sqrt(8 / 3)  # of 4, 0, 2
    assert RewardEnsemble(members, 1.5).score(["a", "b"]).tolist() == pytest.approx([1.0, 2 - 1.5 * doubt])
    assert RewardEnsemble(members).members(["a", "b"]).tolist() == [[1.0, 4.0], [1.0, 0.0], [1.0, 2.0]]


def test_an_ensemble_scores_samples_as_texts_and_one_member_has_no_doubt():
    models = [scorer(seed).centred(TEXTS) for seed in range(3)]
    ensemble = RewardEnsemble(models, 0.7)
    ids = [TOKENIZER.encode(text) for text in TEXTS[1:]]
    samples = padded([row[:1] for row in ids], [row[1:] for row in ids])
    assert ensemble(samples).tolist() == pytest.approx(ensemble.score(TEXTS[1:]).tolist(), abs=1e-5)
    assert ensemble(samples.ids[:, :2]).tolist() == pytest.approx(
        ensemble.score([text[:2] for text in TEXTS[1:]]).tolist(), abs=1e-5
    )
    assert RewardEnsemble(models[:1], 5.0).score(TEXTS).tolist() == models[0].score(TEXTS).tolist()


def other_tokenizer():
    return RewardModel(scorer().model, CharTokenizer.train("abcdefgx"))


@pytest.mark.parametrize(
    ("work", "words"),
    [
        (lambda: bradley_terry_loss(torch.zeros(0), torch.zeros(0)), r"n at least 1, got \[\(0,\)\]"),
        (lambda: bradley_terry_loss(torch.zeros(2), torch.zeros(3)), r"got \[\(2,\), \(3,\)\]"),
        (lambda: bradley_terry_loss(torch.zeros(2), torch.zeros(2), torch.tensor(1.0)), "same shape"),
        (lambda: RewardModel(language_model(), TOKENIZER), "head 'regression', got 'lm'"),
        (lambda: RewardModel(scorer().model, CharTokenizer.train("abcdefghi")), "has 9 tokens"),
        (lambda: with_trunk_of(scorer().model), "a language model, got one with the head 'regression'"),
        (lambda: scorer().score(["a", ""]), "text 1 is empty"),
        (lambda: scorer().score(["a", "box"]), "text 1, 'box': character 'o'"),
        (lambda: scorer().score(["a" * 13]), "1 of 1 texts are longer than 12 tokens"),
        (lambda: scorer()(padded([[1], [1]], [[2], []])), "1 of 2 samples have no token"),
        (lambda: scorer().centred([]), "one text at least"),
        (lambda: RewardEnsemble([]), "one reward model at least"),
        (lambda: RewardEnsemble([scorer()], -1), "caution is a number of at least 0, got -1"),
        (lambda: RewardEnsemble([scorer(), other_tokenizer()]), "one and the same tokenizer"),
    ],
)
def test_what_cannot_be_is_refused(work, words):
    with pytest.raises(ValueError, match=words):
        work()
