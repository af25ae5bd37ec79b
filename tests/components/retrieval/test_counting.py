"""Counted transitions beside the models: their vectors, and how much they count."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from components.baselines.transitions import find_transitions
from components.retrieval.building import build
from components.retrieval.config import RetrievalConfig
from components.retrieval.content import item_content
from components.retrieval.counting import WEIGHTS, with_transitions
from components.retrieval.judging import evaluate, evaluate_sums, spread
from components.retrieval.transition_vectors import FOLLOWERS, HALF_LIFE, SHRINK, WINDOW, TransitionVectors, factors
from tests.components.retrieval.test_model import ITEMS, cycling_data

CONFIG = RetrievalConfig(embedding_dim=4, half_lives=(1.0,), loss="full_softmax", transitions_dim=ITEMS - 1)


@pytest.fixture(scope="module")
def data():
    data = cycling_data(min_ratings=100)  # no item has an id vector of its own
    ids = item_content(data.content.content, np.append(data.counts[: ITEMS - 1], 0), 1)
    slots = np.append(np.arange(1, ITEMS), 0).astype(np.int32)  # item 11 has no row
    return dataclasses.replace(data, ids=(ids, dataclasses.replace(data.items, slots=tf.constant(slots))))


def test_scores_are_the_sums_of_transitions_over_the_history_the_latest_of_which_weighs_most(data):
    vectors = factors(data.sequences, ITEMS, ITEMS - 1)  # of 12, one is 0: nothing is cut off
    counted = TransitionVectors(vectors, *data.ids)
    counted.candidate_tower.scale = 3.0
    tables, candidates = counted.embed_catalogue()
    scores = tf.matmul(counted.query_tower(tf.constant([[5, 2], [-1, 2]]), tables), candidates, transpose_b=True)
    matrix = find_transitions(data.sequences, ITEMS, WINDOW, SHRINK, FOLLOWERS, 10**9).similarities.toarray()
    weights = np.array([2 ** (-1 / HALF_LIFE), 1])
    expected = [weights @ matrix[[5, 2]] / np.linalg.norm(weights), matrix[2]]
    np.testing.assert_allclose(scores.numpy(), 3 * np.array(expected), atol=1e-5)
    assert (candidates.numpy()[ITEMS - 1] == 0).all()


def test_the_weight_is_what_is_best_on_eval_in_deviations_of_the_models_scores(data):
    model = build(CONFIG, data, 1)
    (first, counted), config = with_transitions(CONFIG, data, [model])
    assert first is model
    assert config.transitions_weight in WEIGHTS
    assert spread([counted], CONFIG, data) == pytest.approx(
        config.transitions_weight * spread([model], CONFIG, data), rel=1e-3
    )
    # An untrained model knows nothing of the circle that users walk in; of nine items that a list leaves three.
    assert evaluate([model, counted], CONFIG, data) > max(0.99, evaluate([model], CONFIG, data))


def test_sums_with_several_weights_are_judged_as_each_one_alone(data):
    models = [build(CONFIG, data, 1)]
    counted = TransitionVectors(factors(data.sequences, ITEMS, ITEMS - 1), *data.ids)
    alone, some, much = evaluate_sums(models, [counted], CONFIG, data, [0.0, 0.5, 2.0])
    assert alone == evaluate(models, CONFIG, data)
    for weight, found in ((0.5, some), (2.0, much)):
        counted.candidate_tower.scale = weight
        assert found == pytest.approx(evaluate([*models, counted], CONFIG, data), abs=1e-6)
    assert alone < min(some, much)


def test_a_weight_that_is_given_is_taken_without_asking_eval(data):
    blind = dataclasses.replace(data, marked=None)
    given = dataclasses.replace(CONFIG, transitions_weight=0.4)
    (_, counted), config = with_transitions(given, blind, [build(CONFIG, data, 1)])
    assert config == given
    assert isinstance(counted, TransitionVectors)


@pytest.mark.parametrize(
    "off",
    [
        {"transitions_dim": 0},
        {"transitions_weight": 0.0},
        {"history_order": "none"},
    ],
)
def test_without_an_order_or_where_they_are_switched_off_there_are_none(data, off):
    model = build(CONFIG, data, 1)
    vectors, config = with_transitions(dataclasses.replace(CONFIG, **off), data, [model])
    assert vectors == [model]
    assert config.transitions_weight == 0


def test_where_they_make_lists_no_better_there_are_none(data):
    asked = data.marked
    backwards = asked.held_out.of(np.arange(len(asked)))
    backwards = dataclasses.replace(backwards, rows=np.full(len(backwards.rows), ITEMS - 1, np.int32))
    never = dataclasses.replace(data, marked=dataclasses.replace(asked, held_out=backwards))  # nothing ever led there
    model = build(CONFIG, data, 1)
    model.candidate_tower.encoder.ids.assign(model.candidate_tower.encoder.ids * 0)
    vectors, config = with_transitions(CONFIG, never, [model])
    assert vectors == [model]
    assert config.transitions_weight == 0


def test_where_nothing_follows_anything_there_are_none(data):
    alone = dataclasses.replace(data, sequences=data.sequences.of(np.zeros(0, np.int64)))
    assert factors(alone.sequences, ITEMS, 4) is None
