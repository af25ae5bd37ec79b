"""The models of one phase: which losses stand side by side, how much each counts, and how they are started again."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from components.examples import MarkedRows, RaggedRows, UserSequences
from components.features import TRAIN_PART
from components.retrieval.config import RetrievalConfig
from components.retrieval.counting import WEIGHTS, with_softmax
from components.retrieval.judging import METRIC, evaluate, spread
from components.retrieval.phase_models import PhaseModels
from components.training.phases import seeing
from components.training.replicas import Replicas
from components.training.training_log import TrainingLog
from components.training.warm_start import Start, weights_path, write_weights
from tests.components.retrieval.test_model import ITEMS, Ids
from tests.components.transform.small_content import standard_content, standard_features

USERS = 40
CONFIG = RetrievalConfig(
    embedding_dim=4, epochs=4, batch_size=16, targets=3, min_ratings=1, seeds=2, softmax_weight=0.5, l2=1e-4
)
GRAPH = Ids([b"m%d" % item for item in range(ITEMS)])


def lists(rows):
    splits = np.cumsum([0, *map(len, rows)]).astype(np.int64)
    return RaggedRows(row_splits=splits, rows=np.concatenate(rows).astype(np.int32))


@pytest.fixture(scope="module")
def world():
    """Users have four even items or four odd ones, in no order, and are asked for a fifth."""
    rng = np.random.default_rng(0)
    drawn = [2 * rng.permutation(ITEMS // 2)[:5] + user % 2 for user in range(USERS)]
    had, asked = lists([items[:4] for items in drawn]), lists([items[4:] for items in drawn])
    ids = np.array([b"u%d" % user for user in range(USERS)], object)
    features = standard_features(range(ITEMS), genres=[[item % 2] for item in range(ITEMS)])
    sequences = UserSequences(user_ids=ids, items=had, parts=np.full(len(had.rows), TRAIN_PART, np.int8))
    phase = seeing(sequences, features, standard_content(features, genres=2), unknown=ITEMS)
    return phase, MarkedRows(user_ids=ids, seen=had, held_out=asked)


def models_of(world, config=CONFIG, warm=None):
    phase, marked = world
    return PhaseModels(config, phase, marked, GRAPH, warm, Replicas(), final=False, repeats=False)


def log_of(models):
    return TrainingLog(METRIC, epochs=4, higher_is_better=True, models=models.count)


def candidates(members):
    return [member.embed_catalogue()[1].numpy() for member in members]


def test_rows_without_an_order_have_one_model_by_the_squared_error_and_all_seeds_by_the_softmax(world):
    models = models_of(world)
    log = log_of(models)
    models.fit(log)
    members, _, config = models.members(CONFIG)
    assert models.count == len(members) == 3
    assert {entry["model"] for entry in log.as_dict()["epochs"]} == {1, 2, 3}
    assert [member.query_tower.encoder.content is None for member in members] == [True, False, False]
    assert config.softmax_weight == 0.5
    data = models.data
    assert spread(members[1:], CONFIG, data) == pytest.approx(0.5 * spread(members[:1], CONFIG, data), rel=1e-4)


@pytest.mark.parametrize(
    "settings", [{"softmax_weight": 0.0}, {"loss": "squared_error"}, {"loss": "full_softmax"}], ids=str
)
def test_where_one_loss_is_meant_there_is_one(world, settings):
    models = models_of(world, dataclasses.replace(CONFIG, **settings))
    models.fit(log_of(models))
    members, _, config = models.members(dataclasses.replace(CONFIG, **settings))
    # The squared error of `auto` has one seed: all end at the same place.
    assert len(members) == models.count == (1 if "softmax_weight" in settings else 2)
    assert config.softmax_weight == 0


def test_the_weight_is_what_is_best_on_eval(world):
    models = models_of(world, dataclasses.replace(CONFIG, epochs=1))
    models.fit(log_of(models))
    (main, *others), _, _ = models.members(CONFIG)
    main.candidate_tower.encoder.ids.assign(-main.candidate_tower.encoder.ids)  # the worst of all models
    open_config = dataclasses.replace(CONFIG, softmax_weight=None)
    members, config = with_softmax(open_config, models.data, [main], others)
    assert config.softmax_weight in WEIGHTS
    assert evaluate(members, CONFIG, models.data) > evaluate([main], CONFIG, models.data)
    # Others that say the same as the model add nothing.
    members, config = with_softmax(open_config, models.data, [main], [main])
    assert members == [main]
    assert config.softmax_weight == 0


def test_weights_of_all_models_are_started_from(world, tmp_path):
    first = models_of(world)
    first.fit(log_of(first))
    before = candidates(first.members(CONFIG)[0])
    write_weights(str(tmp_path), first.tables())
    second = models_of(world, warm=Start(weights_path(str(tmp_path))))
    second.refit(log_of(second), [0, 0, 0])
    for then, now in zip(before, candidates(second.members(CONFIG)[0]), strict=True):
        np.testing.assert_allclose(then, now, rtol=1e-5)
