"""The yardstick and the clock of the training benchmark."""

import math

import numpy as np
import pytest

from benchmarks.training.curve import Curve, Point
from benchmarks.training.data import Rows
from components.examples import MarkedRows, RaggedRows, UserSequences
from components.training.phases import Phase
from tests.components.transform.small_content import standard_content, standard_features


def ragged(*lists):
    rows = np.array([row for one in lists for row in one], np.int32)
    return RaggedRows(row_splits=np.cumsum([0, *map(len, lists)]), rows=rows)


def rows():
    """Three users, four items; the questions come in another order than the training rows."""
    features = standard_features(range(4), genres=[[]] * 4)
    users = np.array([b"a", b"b", b"c"], object)
    sequences = UserSequences(user_ids=users, items=ragged([0], [1], [2]), parts=np.zeros(3, np.int8))
    phase = Phase(
        sequences=sequences,
        items=features,
        content=standard_content(features, genres=1),
        frequencies=np.ones(5, np.int64),
    )
    marked = MarkedRows(
        user_ids=np.array([b"c", b"a"], object), seen=ragged([2, -1], [0]), held_out=ragged([3], [1, 2])
    )
    return Rows(phase=phase, marked=marked)


def test_ndcg_leaves_out_what_was_seen_and_divides_by_the_ideal():
    scores = np.array([[9.0, 1.0, 3.0, 2.0], [0.0] * 4, [4.0, 3.0, 9.0, 2.0]])
    asked = []

    def scores_of(users):
        asked.extend(users.tolist())
        return scores[users]

    # c: items 0, 1, 3 in this order, 3 is asked for: 1 / log2(4). a: 2, 3, 1: places 1 and 3 of two asked for.
    of_c = 1 / math.log2(4)
    of_a = (1 + 1 / math.log2(4)) / (1 + 1 / math.log2(3))
    assert rows().ndcg(scores_of) == pytest.approx((of_c + of_a) / 2)
    assert asked == [2, 0]


def test_the_matrix_has_a_one_for_each_training_row():
    assert rows().matrix().toarray().tolist() == [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0]]


def test_the_rate_leaves_out_the_first_epoch_and_the_mark_is_reached_once():
    points = [Point(seconds=10.0, ndcg=0.1), Point(seconds=11.0, ndcg=0.3), Point(seconds=12.0, ndcg=0.2)]
    curve = Curve(rows=50, points=points)
    assert curve.rows_per_second == 50.0
    assert curve.best == 0.3
    assert curve.seconds_to(0.15) == 11.0
    assert curve.seconds_to(0.31) is None
