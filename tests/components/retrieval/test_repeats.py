"""What scores rise by for what a user had before, and how much of it is best on eval."""

from __future__ import annotations

import dataclasses
from math import log, log1p

import numpy as np
import pytest
import tensorflow as tf

from components.examples import AskedUsers, RaggedRows
from components.retrieval.building import build
from components.retrieval.config import RetrievalConfig
from components.retrieval.counting import HALF_LIVES, WEIGHTS, with_repeats
from components.retrieval.exact_search import ndcg, ndcg_with_repeats
from components.retrieval.judging import evaluate, evaluate_repeats, spread
from components.retrieval.repeats import Repeats
from tests.components.retrieval.test_model import ITEMS, cycling_data, ragged

CONFIG = RetrievalConfig(embedding_dim=4, half_lives=(1.0,), loss="full_softmax")


def test_every_item_rises_once_at_its_newest_place_by_the_logarithm_of_its_faded_rows():
    history = tf.constant([[7, 3, -1, 7, 5], [-1, -1, 3, 3, 3], [-1, -1, -1, -1, -1]])
    # Row 0, half-life 1: ages 3, 2, -, 1, 0 count 1/8, 1/4, -, 1/2, 1; item 7 has 1/8 + 1/2.
    expected = np.zeros((3, 5))
    expected[0, 1], expected[0, 3], expected[0, 4] = 2 * log(1 + 2.5), 2 * log(1 + 6.25), 2 * log(11)
    expected[1, 4] = 2 * log(1 + 10 * 1.75)
    np.testing.assert_allclose(Repeats(weight=2.0, half_life=1.0)(history).numpy(), expected, rtol=1e-6)


def test_with_no_half_life_rows_of_an_item_count_alike_and_an_empty_history_is_none():
    scores = Repeats(weight=1.0, half_life=0.0)(tf.constant([[4, 9, 4, 9, 9]])).numpy()
    np.testing.assert_allclose(scores, [[0, 0, log1p(20), 0, log1p(30)]], rtol=1e-6)
    assert Repeats(weight=1.0, half_life=0.0)(tf.zeros([2, 0], tf.int32)).shape == (2, 0)


def test_ndcg_with_repeats_is_that_of_lists_ordered_by_the_raised_scores():
    candidates = tf.constant([[5.0], [4.0], [3.0], [2.0], [1.0]])
    asked = AskedUsers(histories=ragged([[4, 3, 4]]), left_out=ragged([[]]), held_out=ragged([[4, 2]]))

    def embed(history, positions):
        return tf.ones([len(positions), 1])

    # Lists of three: 0, 1, 2 as they are; item 4 rises to 1 + w log 21 and item 3 to 2 + w log 11.
    options = [Repeats(weight=weight, half_life=0.0) for weight in (0.01, 1.2, 100.0)]
    discounts = 1 / np.log2([2, 3, 4])
    ideal = discounts[0] + discounts[1]
    found = ndcg_with_repeats(embed, candidates, asked, 3, 10, 10, options)
    # w = 1.2: item 3 has 4.88, item 4 has 4.65, so 0, 3, 4.
    assert found == pytest.approx([discounts[2] / ideal, discounts[2] / ideal, discounts[0] / ideal], rel=1e-6)
    assert ndcg(embed, candidates, asked, 3, 10, 10) == pytest.approx(discounts[2] / ideal)


def buying_again() -> RaggedRows:
    """Forty users with three favourites each, had in turn, four times."""
    return ragged([[(user + 3 * place) % (ITEMS - 1) for place in (0, 1, 2)] * 4 for user in range(40)])


@pytest.fixture(scope="module")
def data():
    data = cycling_data(min_ratings=100)
    sequences = buying_again()
    asked = AskedUsers(
        histories=sequences, left_out=ragged([[]] * len(sequences)), held_out=ragged([[s[0]] for s in sequences])
    )
    return dataclasses.replace(data, sequences=sequences, marked=asked, repeats=True)


def test_the_weight_and_the_half_life_are_what_is_best_on_eval(data):
    models = [build(CONFIG, data, 1)]
    repeats, config = with_repeats(CONFIG, data, models)
    assert config.repeats_weight in WEIGHTS
    assert config.repeats_half_life in HALF_LIVES
    assert repeats.weight == pytest.approx(config.repeats_weight * spread(models, CONFIG, data))
    (found,) = evaluate_repeats(models, CONFIG, data, [repeats])
    assert found > evaluate(models, CONFIG, data)
    every = [
        evaluate_repeats(models, CONFIG, data, [Repeats(weight=w * spread(models, CONFIG, data), half_life=h)])[0]
        for h in HALF_LIVES
        for w in WEIGHTS
    ]
    assert found == max(every)


def test_what_is_given_is_taken_without_asking_eval(data):
    given = dataclasses.replace(CONFIG, repeats_weight=0.4, repeats_half_life=9.0)
    repeats, config = with_repeats(given, dataclasses.replace(data, marked=None), [build(CONFIG, data, 1)])
    assert config == given
    assert repeats.half_life == 9.0


@pytest.mark.parametrize("off", [{"repeats": False}, {"marked": None}])
def test_where_lists_repeat_nothing_or_eval_is_not_there_nothing_rises(data, off):
    repeats, config = with_repeats(CONFIG, dataclasses.replace(data, **off), [build(CONFIG, data, 1)])
    assert repeats is None
    assert config.repeats_weight == 0


def test_where_nobody_has_anything_again_nothing_rises(data):
    marked = dataclasses.replace(data.marked, held_out=ragged([[(row[2] + 1) % (ITEMS - 1)] for row in data.sequences]))
    repeats, config = with_repeats(CONFIG, dataclasses.replace(data, marked=marked), [build(CONFIG, data, 1)])
    assert repeats is None
    assert config.repeats_weight == 0
