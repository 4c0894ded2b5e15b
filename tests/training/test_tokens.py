"""Tokens in memory and on disk, and the blocks that are cut from them."""

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given, settings

from labkit.training.tokens import BlockOrder, TokenData


def test_ids_take_the_room_they_need():
    assert TokenData.from_ids([0, 65_535], [1]).train.dtype == np.uint16
    assert TokenData.from_ids([0], [65_536]).train.dtype == np.uint32
    with pytest.raises(ValueError, match="a token is 0 or more, got -3"):
        TokenData.from_ids([1], [2, -3])


def test_mapped_tokens_give_the_blocks_of_those_in_memory(tmp_path):
    data = TokenData.from_ids(np.random.default_rng(0).integers(0, 500, 300), [1, 2, 3], 2.5)
    mapped = TokenData.open(data.save(tmp_path / "new"), 2.5)
    assert isinstance(mapped.train, np.memmap)
    assert (mapped.train.tolist(), mapped.validation.tolist()) == (data.train.tolist(), [1, 2, 3])
    assert mapped.characters_per_token == 2.5
    ours, theirs = BlockOrder(data.train, 7, seed=4), BlockOrder(mapped.train, 7, seed=4)
    for _ in range(30):
        for one, other in zip(ours.batch(5), theirs.batch(5), strict=True):
            assert torch.equal(one, other)


def test_what_is_no_file_of_tokens_is_refused(tmp_path):
    TokenData.from_ids([1], [2]).save(tmp_path)
    (tmp_path / "train.npy").write_bytes(b"tokens")
    with pytest.raises(ValueError, match=r"train\.npy: not a file of tokens"):
        TokenData.open(tmp_path)
    for array in (np.zeros((2, 2), np.uint16), np.zeros(3)):
        np.save(tmp_path / "train.npy", array)
        with pytest.raises(ValueError, match=r"train\.npy: expected a line of whole numbers"):
            TokenData.open(tmp_path)
    (tmp_path / "train.npy").unlink()
    with pytest.raises(FileNotFoundError):
        TokenData.open(tmp_path)


orders = st.tuples(st.integers(1, 12), st.integers(0, 80), st.integers(0, 2**40), st.integers(0, 3))


@given(orders)
@settings(deadline=None)
def test_in_an_epoch_nearly_every_token_is_a_target_once(drawn):
    block_size, more, seed, epoch = drawn
    tokens = np.arange(block_size + 1 + more)
    order = BlockOrder(tokens, block_size, seed)
    order.go_to(epoch, 0)
    blocks, targets = order.batch(len(order.starts))
    assert order.epoch == epoch
    assert torch.equal(blocks + 1, targets)  # the tokens are their own places: each target follows its token
    counts = np.bincount(targets.flatten().numpy(), minlength=len(tokens))
    assert set(counts) <= {0, 1}
    assert (counts == 0).sum() <= 2 * block_size - 1
    assert counts[0] == 0


@given(orders, st.lists(st.integers(1, 9), min_size=1, max_size=6))
@settings(deadline=None)
def test_going_to_a_place_gives_what_came_there(drawn, sizes):
    block_size, more, seed, epoch = drawn
    order = BlockOrder(np.arange(block_size + 1 + more), block_size, seed)
    order.go_to(epoch, 0)
    for size in sizes:
        place = order.epoch, order.used
        batch = order.batch(size)
        assert batch[0].shape == batch[1].shape == (size, block_size)
        other = BlockOrder(np.arange(block_size + 1 + more), block_size, seed)
        other.go_to(*place)
        assert all(torch.equal(a, b) for a, b in zip(batch, other.batch(size), strict=True))


def test_epochs_and_seeds_differ_in_cuts_and_order():
    def starts(seed, epoch):
        order = BlockOrder(np.arange(1000), 16, seed)
        order.go_to(epoch, 0)
        return order.starts.tolist()

    drawn = [starts(seed, epoch) for seed in (0, 1) for epoch in range(4)]
    assert len({str(one) for one in drawn}) == 8
    assert len({min(one) for one in drawn}) > 3
    assert starts(1, 2) == drawn[6]
    assert drawn[0] != sorted(drawn[0])


def test_a_text_that_is_too_short():
    assert BlockOrder(np.arange(9), 8).batch(3)[0].tolist() == [list(range(8))] * 3
    with pytest.raises(ValueError, match="a block of 8 tokens and the one after it do not fit into 8 training tokens"):
        BlockOrder(np.arange(8), 8)
