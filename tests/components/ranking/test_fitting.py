"""Training recovers structure that was put into the data, and keeps the best epoch."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from components.ranking.architectures import ARCHITECTURES
from components.ranking.config import RankingConfig
from components.ranking.fitting import fit, predict, refit
from components.ranking.training import warm_config
from tests.components.ranking.small_data import rmse, world

USERS, ITEMS = 40, 30
RNG = np.random.default_rng(1)
USER_BIAS = RNG.choice([-0.8, 0.0, 0.8], USERS)
ITEM_BIAS = RNG.choice([-0.9, 0.0, 0.9], ITEMS)
BIASED = world(3 + USER_BIAS[:, None] + ITEM_BIAS[None])
RANK_ONE = world(3 + np.outer(RNG.choice([-1.4, 1.4], USERS), RNG.choice([-1.0, 1.0], ITEMS)))
BOTH = world(
    np.clip(3 + ITEM_BIAS[None] + np.outer(RNG.choice([-1.0, 1.0], USERS), RNG.choice([-1.0, 1.0], ITEMS)), 0.5, 5)
)
LIGHT = RankingConfig(
    embedding_dim=4,
    l2_ids=0.5,
    l2_history=0.5,
    l2_features=0.5,
    l2_biases=0.2,
    l2_full_rows=1,
    epochs=150,
    patience=150,
    learning_rate=0.03,
    dropout=0.0,
)


def test_biases_are_recovered():
    config = dataclasses.replace(LIGHT, architecture="matrix_factorization", l2_ids=30.0)
    models = fit(config, BIASED.items, BIASED.known, BIASED.held_out)
    assert rmse(predict(models, BIASED.known, BIASED.held_out, 10_000), BIASED.held_out.ratings) < 0.15
    learned = models[0].item_bias.numpy()[BIASED.items.item_index[:ITEMS], 0]
    assert np.corrcoef(learned, ITEM_BIAS)[0, 1] > 0.99
    learned = models[0].user_bias.numpy()[np.arange(USERS)[::-1], 0]
    assert np.corrcoef(learned, USER_BIAS)[0, 1] > 0.99


def test_epochs_of_a_part_of_the_rows_see_all_of_them_in_turn():
    part = 60  # if it were always the same, many a user and item would stay unknown
    config = dataclasses.replace(LIGHT, architecture="matrix_factorization", l2_ids=30.0, epochs=600, patience=600)
    epochs = []
    models = fit(
        dataclasses.replace(config, epoch_rows=part), BIASED.items, BIASED.known, BIASED.held_out, epochs.append
    )
    assert {epoch.rows for epoch in epochs} == {part}
    assert rmse(predict(models, BIASED.known, BIASED.held_out, 10_000), BIASED.held_out.ratings) < 0.15


def test_rows_that_the_weights_do_not_know_are_learned_first_where_an_epoch_is_a_part_of_the_data():
    item = int(np.argmax(np.abs(ITEM_BIAS)))  # it has two rows, both are new
    config = dataclasses.replace(LIGHT, architecture="matrix_factorization", l2_ids=30.0)
    rows = BIASED.known.rows
    others, new = np.flatnonzero(rows.item_rows != item), np.flatnonzero(rows.item_rows == item)[:2]
    known = dataclasses.replace(BIASED.known, rows=rows.take(np.concatenate([others, new])))
    (start,) = refit(config, BIASED.items, dataclasses.replace(known, rows=rows.take(others)), [100])

    def learned(known):
        warm = dataclasses.replace(config, epoch_rows=10)
        (model,) = refit(warm, BIASED.items, known, [20], start=lambda model, _: model.set_weights(start.get_weights()))
        bias = model.item_bias.numpy() - start.item_bias.numpy()
        return float(bias[BIASED.items.item_index[item], 0] * np.sign(ITEM_BIAS[item]))

    first = learned(dataclasses.replace(known, new=np.arange(len(others), len(others) + 2)))
    assert first > 0.1 + learned(known)


@pytest.mark.parametrize("architecture", ["factorization_machine", "matrix_factorization"])
def test_a_rank_one_matrix_is_recovered(architecture):
    config = dataclasses.replace(LIGHT, architecture=architecture)
    models = fit(config, RANK_ONE.items, RANK_ONE.known, RANK_ONE.held_out)
    error = rmse(predict(models, RANK_ONE.known, RANK_ONE.held_out, 10_000), RANK_ONE.held_out.ratings)
    assert error < 0.45  # every rating is 1.4 from the mean


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_every_architecture_beats_the_global_mean(architecture):
    config = dataclasses.replace(LIGHT, architecture=architecture, epochs=40)
    models = fit(config, BOTH.items, BOTH.known, BOTH.held_out)
    truth = BOTH.held_out.ratings
    error = rmse(predict(models, BOTH.known, BOTH.held_out, 10_000), truth)
    assert error < 0.7 * rmse(np.full(len(truth), BOTH.known.rows.ratings.mean()), truth)


@pytest.mark.parametrize("architecture", ["factorization_machine", "matrix_factorization"])
def test_the_defaults_learn_from_a_few_hundred_rows(architecture):
    config = RankingConfig(architecture=architecture, epochs=100)
    assert len(BOTH.known.rows) < 1_000
    models = fit(config, BOTH.items, BOTH.known, BOTH.held_out)
    truth = BOTH.held_out.ratings
    error = rmse(predict(models, BOTH.known, BOTH.held_out, 10_000), truth)
    assert error < 0.8 * rmse(np.full(len(truth), BOTH.known.rows.ratings.mean()), truth)


def test_the_weights_of_the_best_epoch_are_kept_and_training_stops_after_patience():
    # Far too large steps: the error soon rises.
    config = dataclasses.replace(LIGHT, epochs=60, patience=5, learning_rate=0.3, l2_ids=0.0)
    epochs = []
    models = fit(config, BOTH.items, BOTH.known, BOTH.held_out, epochs.append)
    best = min(epochs, key=lambda epoch: epoch.metrics["RMSE"])
    assert [epoch.epoch for epoch in epochs] == list(range(1, best.epoch + 6))
    predicted = predict(models, BOTH.known, BOTH.held_out, 10_000)
    assert rmse(predicted, BOTH.held_out.ratings) == pytest.approx(best.metrics["RMSE"], abs=1e-5)
    assert np.abs(predicted - BOTH.held_out.ratings).mean() == pytest.approx(best.metrics["MAE"], abs=1e-5)


def started_from(models):
    def start(model, number):
        model.set_weights(models[number].get_weights())

    return start


def test_weights_that_no_epoch_betters_are_kept():
    good = fit(LIGHT, BOTH.items, BOTH.known, BOTH.held_out)
    before = predict(good, BOTH.known, BOTH.held_out, 10_000)
    config = dataclasses.replace(LIGHT, epochs=3, learning_rate=1.0)  # one step leads astray
    epochs = []
    models = fit(config, BOTH.items, BOTH.known, BOTH.held_out, epochs.append, start=started_from(good))
    assert [epoch.epoch for epoch in epochs] == [0, 1, 2, 3]
    assert (epochs[0].rows, np.isnan(epochs[0].loss)) == (0, True)
    assert epochs[0].metrics["RMSE"] == pytest.approx(rmse(before, BOTH.held_out.ratings), abs=1e-5)
    np.testing.assert_array_equal(predict(models, BOTH.known, BOTH.held_out, 10_000), before)


def test_a_warm_training_goes_on_from_where_the_weights_are():
    """All rows in one long step would throw it off; shorter steps, and more of them, do not."""
    config = dataclasses.replace(LIGHT, batch_size=100_000, learning_rate=0.1)
    halfway = fit(dataclasses.replace(config, epochs=12), BOTH.items, BOTH.known, BOTH.held_out)
    assert len(BOTH.known.rows) < config.batch_size
    epochs = []
    warm = warm_config(config, 5, len(BOTH.known.rows))
    assert (warm.epochs, warm.learning_rate, warm.batch_size) == (5, 0.05, 8_192)
    small = dataclasses.replace(warm, batch_size=len(BOTH.known.rows) // 10)
    fit(small, BOTH.items, BOTH.known, BOTH.held_out, epochs.append, start=started_from(halfway))
    assert min(epoch.metrics["RMSE"] for epoch in epochs) < epochs[0].metrics["RMSE"]


@pytest.mark.parametrize(
    ("rows", "batch_size", "steps_of"),
    [(1_000, 131_072, 8_192), (500_000, 131_072, 50_000), (9_000_000, 131_072, 131_072), (500_000, 1_024, 1_024)],
)
def test_steps_of_a_warm_training(rows, batch_size, steps_of):
    assert warm_config(RankingConfig(batch_size=batch_size), 5, rows).batch_size == steps_of


@pytest.mark.parametrize(("new", "most"), [(0, 4_000_000), (100, 500_000), (80_000, 800_000), (10**6, 4_000_000)])
def test_an_epoch_of_a_warm_training_is_as_long_as_what_is_new(new, most):
    warm = warm_config(RankingConfig(), 5, 20_000_000, new)
    assert warm.epoch_rows == most
    assert warm.batch_size == min(131_072, most // 10)


def test_small_batches_reach_what_one_batch_reaches():
    errors = []
    for batch_size, epochs in ((10_000, 120), (200, 30)):
        config = dataclasses.replace(LIGHT, batch_size=batch_size, epochs=epochs, l2_ids=2.0, l2_history=2.0)
        models = fit(config, BOTH.items, BOTH.known, BOTH.held_out)
        errors.append(rmse(predict(models, BOTH.known, BOTH.held_out, batch_size), BOTH.held_out.ratings))
    assert errors[1] == pytest.approx(errors[0], abs=0.08)


def test_the_same_seed_gives_the_same_ratings_and_several_seeds_their_mean():
    config = dataclasses.replace(LIGHT, epochs=8)

    def ratings(**changes):
        models = fit(dataclasses.replace(config, **changes), BOTH.items, BOTH.known, BOTH.held_out)
        return predict(models, BOTH.known, BOTH.held_out, 10_000)

    first, second = ratings(seed=1), ratings(seed=2)
    assert np.abs(first - second).max() > 1e-3
    # Far from the ends of the range nothing is clipped, so the mean is the mean.
    inside = (np.minimum(first, second) > 0.6) & (np.maximum(first, second) < 4.9)
    np.testing.assert_allclose(ratings(seed=1, seeds=2)[inside], ((first + second) / 2)[inside], atol=1e-4)


def test_a_refit_runs_exactly_the_epochs_that_each_seed_was_given():
    config, epochs = dataclasses.replace(LIGHT, seeds=2, epochs=50), []
    models = refit(config, BOTH.items, BOTH.known, [2, 5], epochs.append)
    assert [(epoch.model, epoch.epoch) for epoch in epochs] == [(1, 1), (1, 2), *((2, n) for n in range(1, 6))]
    assert not any(epoch.metrics for epoch in epochs)
    # The same rows, seed and number of epochs are the same training.
    config = dataclasses.replace(LIGHT, epochs=2, patience=9)
    stopped = fit(config, BOTH.items, BOTH.known, BOTH.held_out.take(np.zeros(0, np.int64)))
    for one, other in zip(models[0].get_weights(), stopped[0].get_weights(), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_without_eval_rows_all_epochs_are_run():
    nothing = BOTH.held_out.take(np.zeros(0, np.int64))
    epochs = []
    models = fit(dataclasses.replace(LIGHT, epochs=3, patience=1), BOTH.items, BOTH.known, nothing, epochs.append)
    assert len(epochs) == 3
    assert not epochs[-1].metrics
    assert predict(models, BOTH.known, nothing, 100).shape == (0,)


def test_ids_hidden_in_training_teach_the_unknown_ids():
    config = dataclasses.replace(LIGHT, epochs=5, id_dropout=0.3)
    model = fit(config, BOTH.items, BOTH.known, BOTH.held_out)[0]
    # Biases start at zero, L2 leaves a zero alone, and no row of the data has an unknown id.
    assert model.user_bias.numpy()[-1, 0] != 0
    assert model.item_bias.numpy()[-1, 0] != 0
