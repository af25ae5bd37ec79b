"""An architecture is a row of a table, or a file of somebody's own."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from components.errors import InputError
from components.ranking.architectures import ARCHITECTURES
from components.ranking.config import RankingConfig
from components.ranking.fitting import fit, predict
from pipelines.config import load
from pipelines.tuning.preset_file import preset_text
from pipelines.tuning.search_space import searched
from tests.components.ranking.small_data import rmse
from tests.components.ranking.test_fitting import BOTH, LIGHT
from tests.components.ranking.test_ranker import assert_same_as_in_training, exported

OWN = "tests.own_parts.flat:FLAT"


def test_one_of_somebodys_own_starts_from_its_defaults_and_is_written_into_presets():
    config = load("demo", (f"ranking.architecture={OWN}", "ranking.epochs=9"))
    assert (config.ranking.epochs, config.ranking.l2_ids, config.ranking.l2_biases) == (9, 3.0, 20.0)
    written = preset_text(config)
    assert f'architecture = "{OWN}"' in written
    assert "l2_ids" not in written  # its own default


def test_it_learns_and_what_is_saved_rates_as_in_training(tmp_path):
    config = dataclasses.replace(LIGHT, architecture=OWN, epochs=60)
    truth = BOTH.held_out.ratings
    error = rmse(predict(fit(config, BOTH.items, BOTH.known, BOTH.held_out), BOTH.known, BOTH.held_out, 10_000), truth)
    assert error < 0.8 * rmse(np.full(len(truth), BOTH.known.rows.ratings.mean()), truth)
    assert_same_as_in_training(*exported(tmp_path, architecture=OWN, epochs=3))


@pytest.mark.parametrize(
    ("architecture", "layers", "features"),
    [("factorization_machine", False, True), ("matrix_factorization", False, False), ("dense", True, True)],
)
def test_a_search_varies_what_the_architecture_reads(architecture, layers, features):
    names = {one.name for one in searched("ranking", ARCHITECTURES[architecture].reads)}
    assert ("ranking.layers" in names, "ranking.l2_features" in names) == (layers, features)
    assert "ranking.learning_rate" in names


@pytest.mark.parametrize(
    ("name", "received"),
    [
        ("densest", "densest"),
        ("nowhere.at_all:FLAT", "nowhere"),
        ("tests.own_parts.flat:ROUND", "ROUND"),
        ("tests.own_parts.flat:Flat", "is a "),
    ],
)
def test_what_is_no_architecture_is_told(name, received):
    with pytest.raises(InputError, match="there is no Architecture") as error:
        RankingConfig(architecture=name)
    assert received in str(error.value.received)
    assert "matrix_factorization" in str(error.value.expected)
