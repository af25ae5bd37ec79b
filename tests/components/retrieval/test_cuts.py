"""Training rows cut from sequences."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from components.examples import RaggedRows
from components.retrieval.cuts import CutSampler
from components.retrieval.user_sets import UserSetSampler

LISTS = [[0, 1, 2, 3, 4], [5], [6, 7]]
SEQUENCES = RaggedRows(row_splits=np.array([0, 5, 6, 8], np.int64), rows=np.arange(8, dtype=np.int32))


def sampler(**options) -> CutSampler:
    settings = {"history_length": 3, "targets": 2, "cuts_per_user": 50} | options
    return CutSampler(sequences=SEQUENCES, **settings)


def rows(batches):
    drawn = [(before.tolist(), after.tolist()) for _, _, before, after, _ in batches]
    return [row for before, after in drawn for row in zip(before, after, strict=True)]


def test_a_row_is_a_stretch_of_one_sequence_split_at_a_cut():
    drawn = rows(sampler().epoch(16, np.random.default_rng(0)))
    assert len(drawn) == sampler().rows_per_epoch == 100  # users of one row have no cut
    for history, targets in drawn:
        before = [row for row in history if row >= 0]
        after = [row for row in targets if row >= 0]
        assert before and after
        whole = next(one for one in LISTS if before[0] in one)
        cut = whole.index(before[-1]) + 1
        assert before == whole[max(0, cut - 3) : cut]
        assert after == whole[cut : cut + 2]


def test_padding_stands_in_front_of_histories_and_behind_targets():
    for history, targets in rows(sampler().epoch(16, np.random.default_rng(1))):
        assert history == sorted(history, key=lambda row: row >= 0)
        assert targets == sorted(targets, key=lambda row: row < 0)


def test_up_to_half_of_a_part_of_the_data_are_new_rows():
    # Row 0 is new, too, but the first of its user: nothing is in front of it. Row 3 is the other new one.
    new = np.array([0, 3])
    few = [rows(sampler(most_rows=1, new=new).epoch(16, np.random.default_rng(seed))) for seed in range(20)]
    assert len({tuple(targets) for ((_, targets),) in few}) > 1  # half of one row is none: drawn as ever
    for seed in range(20):
        drawn = rows(sampler(most_rows=4, new=new).epoch(16, np.random.default_rng(seed)))
        assert len(drawn) == 4
        assert ([0, 1, 2], [3, 4]) in drawn
    many = rows(sampler(cuts_per_user=400, most_rows=799, new=np.array([2, 3])).epoch(1024, np.random.default_rng(0)))
    assert sum(targets[0] in (2, 3) for _, targets in many) > 150  # of all cuts: about 200 of 800 by chance
    whole = rows(sampler(new=new).epoch(16, np.random.default_rng(0)))
    assert whole == rows(sampler().epoch(16, np.random.default_rng(0)))  # everything is seen anyhow


def test_every_cut_is_drawn():
    cuts = {max(history) + 1 for history, _ in rows(sampler().epoch(16, np.random.default_rng(2)))}
    assert cuts == {1, 2, 3, 4, 7}


def test_a_users_share_of_the_cuts_grows_with_the_sequence():
    # Lengths 5 and 2 to the power 1: of 7 cuts in each of 20 epochs 5 and 2 are theirs.
    drawn = [
        row
        for epoch in range(20)
        for row in rows(
            sampler(cuts_per_user=4, cuts_by_length=1.0, most_rows=7).epoch(16, np.random.default_rng(epoch))
        )
    ]
    assert len(drawn) == 140
    assert sum(max(history) < 5 for history, _ in drawn) == 100


def test_undated_sequences_are_shuffled_but_never_mixed_between_users_or_repeated():
    firsts = set()
    for history, targets in rows(sampler(ordered=False).epoch(16, np.random.default_rng(3))):
        before = [row for row in history if row >= 0]
        used = before + [row for row in targets if row >= 0]
        assert len(used) == len(set(used))
        assert any(set(used) <= set(one) for one in LISTS)
        firsts.add(used[0])
    assert firsts == {0, 1, 2, 3, 4, 6, 7}


WEIGHED = dataclasses.replace(SEQUENCES, weights=np.array([1, 2, 3, 4, 5, 9, 1, 7], np.float32))  # 4 on the mean


@pytest.mark.parametrize("ordered", [True, False])
def test_a_target_has_the_weight_of_its_row_over_the_mean_of_all(ordered):
    cuts = dataclasses.replace(sampler(ordered=ordered), sequences=WEIGHED)
    for *_, targets, weights in cuts.epoch(16, np.random.default_rng(5)):
        expected = np.where(targets >= 0, WEIGHED.weights[targets] / 4, 0)
        np.testing.assert_allclose(weights, expected)
        assert weights.dtype == np.float32


def test_without_weights_every_target_counts_one_and_padding_nothing():
    for *_, targets, weights in sampler().epoch(16, np.random.default_rng(6)):
        np.testing.assert_array_equal(weights, targets >= 0)


def test_of_an_item_that_a_user_had_again_a_set_holds_one_with_the_sum_of_the_weights():
    # User 0: item 3 with 1 + 2, item 1 with 3; user 1: item 1 with 6. On the mean of the three: 4.
    lists = RaggedRows(
        row_splits=np.array([0, 3, 4]),
        rows=np.array([3, 1, 3, 1], np.int32),
        weights=np.array([1, 3, 2, 6], np.float32),
    )
    sets = UserSetSampler(sequences=lists)
    assert sets.rows_per_epoch == 1
    ((_, _, history, targets, weights),) = sets.epoch(16, np.random.default_rng(0))
    assert (history.tolist(), targets.shape) == ([[3, 1]], (1, 0))
    assert weights.tolist() == [[3 / 4, 3 / 4]]
    again = RaggedRows(row_splits=np.array([0, 2]), rows=np.array([5, 5], np.int32))
    assert UserSetSampler(sequences=again).rows_per_epoch == 0  # one item, however often, goes with nothing


def test_sets_of_several_users_are_padded_with_weight_zero():
    for _, _, history, _, weights in UserSetSampler(sequences=SEQUENCES).epoch(16, np.random.default_rng(1)):
        np.testing.assert_array_equal(weights, history >= 0)


def test_the_same_seed_draws_the_same_rows():
    one, other = (rows(sampler().epoch(16, np.random.default_rng(4))) for _ in range(2))
    assert one == other


def test_whole_users_come_once_an_epoch_with_all_their_items():
    sets = UserSetSampler(sequences=SEQUENCES)
    drawn = rows(sets.epoch(1, np.random.default_rng(0)))
    assert sets.rows_per_epoch == 2  # a single item tells nothing
    assert sorted([row for row in history if row >= 0] for history, _ in drawn) == [[0, 1, 2, 3, 4], [6, 7]]
    assert len(rows(UserSetSampler(sequences=SEQUENCES, most_rows=1).epoch(16, np.random.default_rng(0)))) == 1


@pytest.mark.parametrize("one", [sampler(cuts_per_user=5), UserSetSampler(sequences=SEQUENCES)])
@pytest.mark.parametrize("batch_size", [1, 3, 10, 11])
def test_an_epoch_has_as_many_batches_as_its_rows_fill(one, batch_size):
    """What a distributed fit, whose batches never end, is told as its steps."""
    sizes = [len(users) for users, *_ in one.epoch(batch_size, np.random.default_rng(5))]
    assert sum(sizes) == one.rows_per_epoch
    assert len(sizes) == -(-one.rows_per_epoch // batch_size)
    assert max(sizes) <= batch_size
