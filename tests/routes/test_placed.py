"""Token vectors that are sums: against a plain GPT that has the sums written into its table."""

import pytest
import torch

from labkit.gpt import GPT
from labkit.routes import Board, Placement, board_configs
from labkit.routes.placed import WAVES, PlacedGPT, with_waves
from labkit.routes.reader import reader_model
from labkit.routes.run import route_model
from labkit.routes.tokens import RouteTokenizer
from labkit.sampling import Sampling, generate

CONFIG = next(config for config in board_configs().values() if config.key == "TB2")
TOKENIZER = RouteTokenizer.for_boards([Board(CONFIG, [Placement(i, 4.0 * i, 9.0 * i) for i in range(1, 7)])])
SIZES = {"block_size": 16, "n_layer": 2, "n_head": 2, "n_embd": 16, "zero_init": False}
WRITER = route_model(TOKENIZER.vocab_size, **SIZES)
READER = reader_model(TOKENIZER.vocab_size, **SIZES)
TOKENS = torch.randint(TOKENIZER.vocab_size, (4, 9), generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("config", [WRITER, READER], ids=["tied", "regression"])
def test_plain_is_the_same_model(config):
    placed = PlacedGPT(config, TOKENIZER, seed=3).eval()
    plain = placed.plain()
    assert type(plain) is GPT
    assert not plain.training
    torch.testing.assert_close(plain(TOKENS), placed(TOKENS))
    before = plain(TOKENS)
    with torch.no_grad():
        placed.place.weight.zero_()
    assert not torch.allclose(placed(TOKENS), before)
    torch.testing.assert_close(plain(TOKENS), before)  # a copy


def test_it_writes_without_being_made_plain():
    placed = PlacedGPT(WRITER, TOKENIZER, seed=3)
    assert generate(placed, [[2, 6]], 8, Sampling(), seed=1) == generate(
        placed.plain(), [[2, 6]], 8, Sampling(), seed=1
    )


def test_roles_of_a_hold_share_a_vector_and_differ_in_their_own():
    placed = PlacedGPT(WRITER, TOKENIZER, seed=3)
    by_hold = {}
    for i, entry in enumerate(TOKENIZER.holds):
        if entry is None:
            assert placed.holds[i] == 0
            assert not placed.features[i].any()
        else:
            by_hold.setdefault(entry[1].placement, []).append(i)
    assert len(by_hold) == 6
    assert len({int(placed.holds[ids[0]]) for ids in by_hold.values()} | {0}) == 7
    for ids in by_hold.values():
        assert len(set(placed.holds[ids].tolist())) == 1
        difference = placed.table()[ids] - placed.wte.weight[ids]
        torch.testing.assert_close(difference, difference[:1].expand_as(difference))


@pytest.mark.parametrize("config", [WRITER, READER], ids=["tied", "regression"])
def test_gradients_are_those_of_torch_on_the_sum(config):
    """The gradient of the plain table, handed on to the three parts by the chain rule."""
    placed = PlacedGPT(config, TOKENIZER, seed=3).eval()
    plain = placed.plain()
    targets = TOKENS.roll(-1, 1) if config.head == "lm" else torch.tensor([0.5, 1.0, -1.0, 2.0])
    placed.loss(TOKENS, targets).backward()
    plain.loss(TOKENS, targets).backward()
    whole = plain.wte.weight.grad
    torch.testing.assert_close(placed.wte.weight.grad, whole)
    torch.testing.assert_close(placed.place.weight.grad, whole.T @ placed.features)
    shared = torch.zeros_like(placed.shared.weight).index_add_(0, placed.holds, whole)
    torch.testing.assert_close(placed.shared.weight.grad, shared)


def test_waves_tell_near_from_far():
    x = torch.linspace(0, 1, 21)
    rows = with_waves(torch.stack((x, torch.full_like(x, 0.5), torch.ones_like(x)), 1))
    assert rows.shape == (21, 3 + 4 * len(WAVES))
    likeness = rows[0, 3:] @ rows[:, 3:].T
    assert likeness.argmax() == 0
    assert likeness[1] > likeness[2:12].max()  # edge and edge are alike but for x itself and the slowest wave
    torch.testing.assert_close(with_waves(torch.zeros(2, 3)), torch.zeros(2, 3 + 4 * len(WAVES)))


def test_weights_are_the_seeds_alone():
    torch.manual_seed(1)
    first = PlacedGPT(WRITER, TOKENIZER, seed=5).state_dict()
    torch.manual_seed(2)
    for name, weight in PlacedGPT(WRITER, TOKENIZER, seed=5).state_dict().items():
        assert torch.equal(weight, first[name]), name


def test_another_vocabulary_is_refused():
    with pytest.raises(ValueError, match=f"knows 9 tokens, the tokenizer has {TOKENIZER.vocab_size}"):
        PlacedGPT(WRITER.changed(vocab_size=9), TOKENIZER)
