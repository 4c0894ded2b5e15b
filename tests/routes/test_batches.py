"""Batches of short sequences: every sequence once an epoch, no target that is padding or another sequence's."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from labkit.routes import batches
from labkit.routes.batches import NO_TARGET, LengthOrder, Sequences, next_tokens

ROWS = st.lists(st.lists(st.integers(1, 50), min_size=1, max_size=12), min_size=1, max_size=60)
FEW = settings(max_examples=40, deadline=None)


def epoch_of(order, sizes):
    """The batches of the epoch that `order` is about to begin, of sizes taken in turn."""
    found, epoch, i = [], None, 0
    while epoch is None or order.used < len(order.rows):
        found.append(order.take(sizes[i % len(sizes)]))
        epoch, i = order.epoch, i + 1
    return found


@FEW
@given(ROWS, st.integers(1, 9), st.lists(st.integers(1, 9), min_size=1, max_size=4), st.integers(0, 99))
def test_each_sequence_comes_exactly_once_an_epoch(rows, batch_size, sizes, seed):
    order = LengthOrder(Sequences.of(rows).lengths, batch_size, seed)
    for epoch in range(3):
        taken = epoch_of(order, sizes)
        assert order.epoch == epoch
        assert sorted(np.concatenate(taken).tolist()) == list(range(len(rows)))
        assert all(len(batch) == sizes[i % len(sizes)] for i, batch in enumerate(taken[:-1]))


@FEW
@given(ROWS, st.integers(1, 9), st.integers(0, 12), st.integers(0, 99))
def test_an_order_goes_on_from_epoch_and_used(rows, batch_size, before, seed):
    lengths = Sequences.of(rows).lengths
    order, other = LengthOrder(lengths, batch_size, seed), LengthOrder(lengths, batch_size, seed)
    for _ in range(before):
        order.take(batch_size)
    other.go_to(order.epoch, order.used)
    for _ in range(8):
        assert order.take(batch_size).tolist() == other.take(batch_size).tolist()


@FEW
@given(ROWS, st.data())
def test_padding_is_no_target_and_targets_stay_in_their_sequence(rows, data):
    sequences = Sequences.of(rows)
    chosen = np.array(data.draw(st.lists(st.integers(0, len(rows) - 1), min_size=1, max_size=9)))
    longest = max(len(rows[i]) for i in chosen)
    for width in (None, longest, longest + 7):
        ids, real = sequences.padded(chosen, pad=51, width=width)
        assert ids.shape == real.shape == (len(chosen), width or longest)
        tokens, targets = next_tokens(ids, real)
        for row, i in enumerate(chosen):
            assert ids[row][real[row]].tolist() == rows[i] == sequences[i]
            assert set(ids[row][~real[row]].tolist()) <= {51}
            counted = targets[row] != NO_TARGET
            assert targets[row][counted].tolist() == rows[i][1:]
            assert tokens[row][counted].tolist() == rows[i][:-1]


@FEW
@given(ROWS, st.integers(1, 9))
def test_measuring_takes_all_once_with_the_least_padding(rows, batch_size):
    sequences = Sequences.of(rows)
    taken = sequences.by_length(batch_size)
    assert sorted(np.concatenate(taken).tolist()) == list(range(len(rows)))
    lengths = [len(rows[i]) for i in np.concatenate(taken)]
    assert lengths == sorted(lengths)


def places(lengths, batches):
    return sum(len(batch) * lengths[batch].max() for batch in batches)


def test_hardly_a_place_is_padding_and_epochs_differ():
    lengths = np.random.default_rng(0).integers(6, 30, 5000)
    order = LengthOrder(lengths, 32)
    first, second = epoch_of(order, [32]), epoch_of(order, [32])
    shuffled = np.array_split(np.random.default_rng(1).permutation(5000), len(first))
    assert places(lengths, first) < 1.03 * lengths.sum() < 1.5 * lengths.sum() < places(lengths, shuffled)
    assert [set(batch) for batch in first[:5]] != [set(batch) for batch in second[:5]]
    means = [lengths[batch].mean() for batch in first]
    assert abs(np.corrcoef(np.arange(len(means)), means)[0, 1]) < 0.3  # long and short come mixed
    other = LengthOrder(lengths, 32, seed=1)
    assert other.rows.tolist() != LengthOrder(lengths, 32).rows.tolist()


def test_small_windows_sort_within_themselves_alone(monkeypatch):
    monkeypatch.setattr(batches, "WINDOW", 2)
    lengths = np.arange(1, 101)
    order = LengthOrder(lengths, 5)
    assert 1.05 * lengths.sum() < places(lengths, epoch_of(order, [5])) < 1.6 * lengths.sum()


def test_sequences_of_no_rows_and_their_sizes():
    assert len(Sequences.of([])) == Sequences.of([]).longest == 0
    sequences = Sequences.of([[1, 2, 3], [4]])
    assert (sequences.longest, sequences.sizes("train")) == (3, {"train": 2, "train_tokens": 4})
    assert sequences.padded(np.array([1, 0]))[0].dtype == torch.int64


@pytest.mark.parametrize(
    ("work", "words"),
    [
        (lambda: Sequences.of([[1], []]), "sequence 1 is empty"),
        (lambda: Sequences.of([[1], [2, -1]]), r"sequence 1: a token is 0 … \d+, got \[2, -1\]"),
        (lambda: Sequences(np.arange(5), [2, 2]), "add up to 4, but there are 5 ids"),
        (lambda: Sequences.of([[1, 2]]).padded(np.array([0]), width=1), "2 tokens does not fit into a width of 1"),
        (lambda: Sequences.of([[1, 9]]).check("routes", 9, 5), "the routes have the id 9, .* knows 0 … 8"),
        (lambda: Sequences.of([[1], [1, 2, 3]]).check("routes", 9, 2), "1 of 2 routes are longer than 2 .* has 3"),
        (lambda: LengthOrder(np.zeros(0, dtype=int), 4), "no sequence to train on"),
    ],
)
def test_what_cannot_be_is_refused(work, words):
    with pytest.raises(ValueError, match=words):
        work()
