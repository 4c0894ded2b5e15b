"""GameGPT against the same transformer in torch: its numbers, what a token sees, and what it samples."""

import itertools
import math

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - its usual name

from labkit.scalar import GameGPT, numeric_gradient

VOCAB, BLOCK = 7, 5
SHAPES = [(1, 8, 1), (1, 8, 2), (1, 8, 4), (2, 8, 2), (2, 4, 4)]  # n_layer, n_embd, n_head
DOCUMENTS = [[6, 0, 3, 6], [6, 1, 1, 5, 4, 2, 0, 6], [2, 6], [6, 5, 4, 3, 2, 6]]  # the second one is cut
F64 = torch.float64


# -- the twin


def twin_weights(model):
    return {
        name: torch.tensor([[p.data for p in row] for row in rows], dtype=F64, requires_grad=True)
        for name, rows in model.state_dict.items()
    }


def twin_logits(weights, tokens, n_layer, n_head):
    """[token][vocab_size]: all positions at once, the future masked."""

    def norm(x):
        return F.rms_norm(x, x.shape[-1:], eps=1e-5)

    length = len(tokens)
    mask = torch.ones(length, length, dtype=torch.bool).tril()
    x = norm(F.embedding(torch.tensor(tokens), weights["wte"]) + weights["wpe"][:length])
    for i in range(n_layer):
        w = {name.partition(".")[2]: tensor for name, tensor in weights.items() if name.startswith(f"layer{i}.")}
        q, k, v = (
            F.linear(norm(x), w[f"attn_w{part}"]).view(length, n_head, -1).transpose(0, 1) for part in ("q", "k", "v")
        )
        scores = q @ k.transpose(1, 2) / math.sqrt(q.shape[-1])
        mixed = F.softmax(scores.masked_fill(~mask, -math.inf), -1) @ v
        x = x + F.linear(mixed.transpose(0, 1).reshape(length, -1), w["attn_wo"])
        x = x + F.linear(F.relu(F.linear(norm(x), w["mlp_fc1"])) ** 2, w["mlp_fc2"])
    return F.linear(x, weights["lm_head"])


def twin_loss(weights, document, n_layer, n_head):
    inputs, targets = document[:-1][:BLOCK], document[1:][:BLOCK]
    return F.cross_entropy(twin_logits(weights, inputs, n_layer, n_head), torch.tensor(targets))


def furthest(numbers, tensors):
    """The largest difference of a flat list from some matrices in the same order."""
    return (torch.tensor(numbers, dtype=F64) - torch.cat([t.detach().flatten() for t in tensors])).abs().max().item()


@pytest.mark.parametrize(("n_layer", "n_embd", "n_head"), SHAPES)
def test_the_logits_of_every_position_are_torchs(n_layer, n_embd, n_head, small):
    model = small(n_layer, n_embd, n_head, scale=6)
    tokens = [6, 0, 3, 3, 5]
    keys, values = model.new_cache()
    logits = [[v.data for v in model.forward(token, t, keys, values)] for t, token in enumerate(tokens)]
    expected = twin_logits(twin_weights(model), tokens, n_layer, n_head)
    assert (expected[0] - expected[1]).abs().max() > 0.1
    assert logits == [pytest.approx(row, abs=1e-10) for row in expected.tolist()]


@pytest.mark.parametrize("document", DOCUMENTS, ids=str)
@pytest.mark.parametrize(("n_layer", "n_embd", "n_head"), SHAPES)
def test_the_loss_and_its_gradient_are_torchs(n_layer, n_embd, n_head, document, small):
    model = small(n_layer, n_embd, n_head, scale=6)
    weights = twin_weights(model)
    expected = twin_loss(weights, document, n_layer, n_head)
    expected.backward()
    loss = model.loss(document)
    loss.backward()
    gradient = [p.grad for p in model.params]
    assert loss.data == pytest.approx(expected.item(), abs=1e-10)
    assert furthest(gradient, [w.grad for w in weights.values()]) < 1e-9
    # A training step's gradient is the same one, and does not add to what is there.
    model.train_step(document, lr=0.0)
    assert furthest([p.grad for p in model.params], [torch.tensor(gradient, dtype=F64)]) < 1e-12


@pytest.mark.parametrize(("n_layer", "n_embd", "n_head"), SHAPES)
def test_twenty_steps_are_those_of_torchs_adam(n_layer, n_embd, n_head, small, weights_of):
    model = small(n_layer, n_embd, n_head)
    weights = twin_weights(model)
    adam = torch.optim.Adam(weights.values(), lr=0.02, betas=(0.85, 0.99), eps=1e-8)
    schedule = torch.optim.lr_scheduler.LambdaLR(adam, lambda step: 1 - step / max(step + 1, 5000))
    for document in itertools.islice(itertools.cycle(DOCUMENTS), 20):
        expected = twin_loss(weights, document, n_layer, n_head)
        adam.zero_grad()
        expected.backward()
        adam.step()
        schedule.step()
        assert model.train_step(document, lr=0.02) == pytest.approx(expected.item(), abs=1e-9)
        assert furthest(weights_of(model), weights.values()) < 1e-9
    assert model.step_count == 20


@pytest.mark.parametrize("done", [0, 2500, 4999, 5000, 9999])
def test_the_learning_rate_falls_in_a_line_and_never_to_zero(done, small):
    model = small()
    model.step_count = done
    p = model.state_dict["lm_head"][0][0]
    before = p.data
    model.train_step([6, 0], lr=0.5, beta1=0, beta2=0, eps=1e-12)
    # Without means a step is the learning rate itself, against the sign of the gradient.
    assert before - p.data == pytest.approx(math.copysign(0.5 * (1 - done / max(done + 1, 5000)), p.grad), rel=1e-6)


def test_adams_numbers_are_used(small, weights_of):
    model = small()
    weights = twin_weights(model)
    adam = torch.optim.Adam(weights.values(), lr=1.0, betas=(0.5, 0.7), eps=0.1)
    for step, document in enumerate(DOCUMENTS):
        adam.param_groups[0]["lr"] = 0.03 * (1 - step / 5000)
        adam.zero_grad()
        twin_loss(weights, document, 1, 2).backward()
        adam.step()
        model.train_step(document, 0.03, 0.5, 0.7, 0.1)
    assert furthest(weights_of(model), weights.values()) < 1e-9


def test_a_few_derivatives_measured(small):
    model = small(2, scale=4)
    document = DOCUMENTS[1]
    model.loss(document).backward()
    for name, rows in model.state_dict.items():
        p = rows[-1][1]
        before = p.data

        def loss(v, p=p):
            p.data = v.data
            return model.loss(document)

        assert numeric_gradient(loss, [before]) == pytest.approx([p.grad], rel=1e-5, abs=1e-8), name
        p.data = before


# -- what a token sees


def test_later_tokens_change_nothing_and_earlier_ones_do(small):
    model = small(2, scale=6)

    def logits(tokens):
        keys, values = model.new_cache()
        nodes = [model.forward(token, t, keys, values) for t, token in enumerate(tokens)]
        return [[v.data for v in row] for row in nodes]

    first, second = logits([6, 0, 3, 1, 5]), logits([6, 0, 3, 2, 2])
    assert first[:3] == second[:3]
    assert first[3] != second[3]
    changed = logits([6, 1, 3, 1, 5])
    assert changed[0] == first[0]
    assert all(changed[t] != first[t] for t in (1, 2, 3, 4))


def test_the_loss_of_a_position_has_no_gradient_to_what_comes_later(small):
    model = small(2, scale=6)
    keys, values = model.new_cache()
    rows = [model.forward(token, t, keys, values) for t, token in enumerate([6, 0, 3])]
    rows[1][4].backward()
    for name in ("wte", "wpe"):
        seen = (6, 0) if name == "wte" else (0, 1)
        for i, row in enumerate(model.state_dict[name]):
            assert any(p.grad for p in row) == (i in seen)


def test_keys_and_values_grow_by_one_per_layer_and_call(small):
    model = small(2)
    keys, values = model.new_cache()
    assert keys == values == [[], []]
    for t, token in enumerate([6, 0, 3]):
        before = [[list(layer) for layer in cache] for cache in (keys, values)]
        model.forward(token, t, keys, values)
        for cache, old in zip((keys, values), before, strict=True):
            assert [len(layer) for layer in cache] == [t + 1, t + 1]
            assert [layer[:-1] for layer in cache] == old
            assert all(len(layer[-1]) == model.n_embd for layer in cache)
    fresh, _ = model.new_cache()
    assert fresh == [[], []]


def test_a_document_longer_than_the_block_is_cut(small, weights_of):
    whole, cut = small(), small()
    document = [6, 1, 1, 5, 4, 2, 0, 6]
    assert whole.train_step(document) == cut.train_step(document[: BLOCK + 1])
    assert weights_of(whole) == weights_of(cut)
    assert whole.loss(document).data != whole.loss(document[:BLOCK]).data


# -- sampling


def only(model, token):
    """The model says `token` whatever it sees."""
    plain = model._forward

    def forward(*arguments):
        logits = plain(*arguments)
        logits[token].data = 100.0
        return logits

    model._forward = forward
    return model


def test_a_sample_begins_with_bos_and_ends_with_eos(small):
    assert only(small(), 2).sample(6, 2) == [6, 2]
    assert only(small(), 6).sample(6, 6) == [6, 6]  # the same token may begin and end it


@pytest.mark.parametrize(("max_len", "length"), [(None, BLOCK), (2, 2), (4, 4), (BLOCK + 1, BLOCK + 1)])
@pytest.mark.parametrize("temperature", [0, 1.0])
def test_a_sample_without_eos_has_max_len_ids(max_len, length, temperature, small):
    assert only(small(), 3).sample(6, 2, temperature, max_len) == [6] + [3] * (length - 1)


def test_a_sample_ends_at_the_first_eos_and_nowhere_else(small):
    model = small(scale=3)
    samples = [model.sample(6, 2, temperature=1.0) for _ in range(100)]
    ended = [ids for ids in samples if ids[-1] == 2]
    assert 0 < len(ended) < 100
    for ids in samples:
        assert ids[0] == 6
        assert 2 not in ids[:-1]
        assert len(ids) == BLOCK or ids[-1] == 2
        assert set(ids) <= set(range(VOCAB))


def test_a_block_of_one_position_has_a_sample_too():
    ids = GameGPT(VOCAB, 1, 4, 1, 1).sample(6, 2)
    assert len(ids) == 2
    assert ids[0] == 6


def test_temperature_zero_takes_the_likeliest_token_every_time(small, everything):
    for seed in range(4):
        model = small(2, seed=seed, scale=6)
        before = everything(model)
        ids = model.sample(6, 2, temperature=0, max_len=BLOCK + 1)
        likeliest = twin_logits(twin_weights(model), ids[:-1], 2, 2).argmax(-1).tolist()
        assert ids[1:] == likeliest
        assert ids == model.sample(6, 2, temperature=0, max_len=BLOCK + 1)
        assert everything(model) == before  # nothing was drawn


@pytest.mark.parametrize("temperature", [0.3, 1.0, 3.0])
def test_samples_have_the_probabilities_of_the_softmax(temperature):
    """Every sequence of a tiny vocabulary, its probability from torch, and how often it was drawn."""
    n, draws, eos = 3, 1500, 2
    model = GameGPT(n, 1, 4, 2, 2, seed=5)
    for p in model.params:
        p.data *= 8
    weights, probability = twin_weights(model), {}
    p = torch.softmax(twin_logits(weights, [0], 1, 2)[0] / temperature, -1).tolist()
    for first in range(n):
        after = torch.softmax(twin_logits(weights, [0, first], 1, 2)[1] / temperature, -1).tolist()
        if first == eos:
            probability[0, first] = p[first]
        else:
            probability |= {(0, first, second): p[first] * after[second] for second in range(n)}
    assert len(probability) == 7
    assert max(probability.values()) > 1.5 / 7  # uneven enough for the temperature to show
    counts = dict.fromkeys(probability, 0)
    for _ in range(draws):
        counts[tuple(model.sample(0, eos, temperature, max_len=3))] += 1
    chi_square = sum((counts[s] - draws * q) ** 2 / (draws * q) for s, q in probability.items())
    assert chi_square < 27.9  # six degrees of freedom: one in ten thousand is above


def test_a_temperature_close_to_zero_is_nearly_greedy(small):
    model = small(scale=3)
    assert model.sample(6, 2, temperature=1e-310) == model.sample(6, 2, temperature=0)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((VOCAB, 0), "token 7 "),
        ((0, -1), "token -1 "),
        ((0, 1, -0.1), "temperature must be 0 .* got -0.1"),
        ((0, 1, math.nan), "temperature .* got nan"),
        ((0, 1, math.inf), "temperature .* got inf"),
        ((0, 1, 1.0, 1), r"max_len must be 2 … 6 \(block_size \+ 1\), got 1"),
        ((0, 1, 1.0, BLOCK + 2), "max_len must be 2 … 6 .* got 7"),
        ((0, 1, 1.0, 0), "max_len .* got 0"),
    ],
)
def test_a_sample_that_cannot_be_is_refused(arguments, words, small, everything):
    model = small()
    before = everything(model)
    with pytest.raises(ValueError, match=words):
        model.sample(*arguments)
    assert everything(model) == before
