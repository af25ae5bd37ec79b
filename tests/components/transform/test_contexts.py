"""The context of an interaction: codes, positions and texts, derived by hand."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from components.context_codes import codes_of
from components.feature_specs import FeatureSpec
from components.transform.contexts import Contexts

SPECS = (
    FeatureSpec(entity="context", name="device", kind="category", column="device", values=("phone", "tv")),
    FeatureSpec(entity="context", name="hour", kind="hour", column="hour"),
    FeatureSpec(entity="context", name="day", kind="weekday", column="day"),
)
# From position 10 on: device 10, 11, missing 12 | hour 13..36, missing 37 | day 38..44, missing 45
CONTEXTS = Contexts(SPECS, 10)

MOMENT = 1_709_298_000  # 2024-03-01 13:00 UTC, a Friday
TIMES = np.array([MOMENT, MOMENT + 59 * 60, 0], np.int64)
DEVICES = {"context_device": np.array([b"tv", b"fridge", b""], object)}
CODES = [[1, 13, 4], [-1, 13, 4], [-1, -1, -1]]


def test_codes_of_training_rows():
    assert codes_of(SPECS, TIMES, DEVICES).tolist() == CODES


def test_held_out_rows_and_requests_come_to_the_same_codes():
    texts = CONTEXTS.of_rows(tf.constant(TIMES), {"context_device": tf.constant([b"tv", b"fridge", b""])})
    assert texts.numpy()[0].tolist() == [b"device=tv", b"hour=13", b"day=friday"]
    codes, told = CONTEXTS.read(texts)
    assert codes.numpy().tolist() == CODES
    assert told.numpy().tolist() == [True, True, False]


def test_texts_stand_in_any_order_and_what_is_unknown_says_nothing():
    texts = tf.constant([["day=monday", "", "device=phone"], ["device=", "hour=25", "size=XL"], ["d", "=", "hour"]])
    codes, told = CONTEXTS.read(texts)
    assert codes.numpy().tolist() == [[0, -1, 0], [-1, -1, -1], [-1, -1, -1]]
    assert told.numpy().tolist() == [True, False, False]
    assert CONTEXTS.read(tf.zeros([2, 0], tf.string))[0].numpy().tolist() == [[-1] * 3] * 2


def test_every_feature_has_a_block_of_positions_with_one_for_what_is_missing():
    assert CONTEXTS.size == 3 + 25 + 8
    assert CONTEXTS.positions(tf.constant(CODES)).numpy().tolist() == [[11, 26, 42], [12, 26, 42], [12, 37, 45]]


def test_without_features_there_are_no_codes():
    nothing = Contexts((), 5)
    codes, told = nothing.read(tf.constant([["hour=3"]]))
    assert (codes.shape, nothing.positions(codes).shape, told.numpy().tolist()) == ((1, 0), (1, 0), [False])
    assert nothing.of_rows(tf.constant(TIMES), {}).shape == (3, 0)
