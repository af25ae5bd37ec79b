"""Weights and losses of every loss are numbers, whatever the data lacks."""

from __future__ import annotations

import numpy as np
import pytest

from components.errors import InputError
from components.examples import AskedUsers
from components.retrieval.config import FULL_SOFTMAX, IN_BATCH_SOFTMAX, SQUARED_ERROR, RetrievalConfig
from components.retrieval.content import item_content
from components.retrieval.fitting import fit
from components.retrieval.judging import METRIC
from components.retrieval.training_data import TrainingData
from components.training.training_log import TrainingLog
from tests.components.retrieval.test_model import ragged
from tests.components.transform.small_content import standard_content, standard_features

ITEMS = 8
LONG = [[(start + step) % ITEMS for step in range(6)] for start in range(ITEMS)]
PAIRS = [[start, (start + 1) % ITEMS] for start in range(ITEMS)]
SINGLES = [[start] for start in range(ITEMS)]


def data_of(walks: list[list[int]], *, genres: bool, titles: bool, years: bool, min_ratings: int) -> TrainingData:
    rows = range(ITEMS)
    counts = np.bincount([row for walk in walks for row in walk], minlength=ITEMS + 1)
    items = standard_features(
        rows,
        genres=[[row % 2] if genres else [] for row in rows],
        eras=[19] * ITEMS if years else None,
        words=[[0] if titles else [] for _ in rows],
    )
    content = item_content(standard_content(items, genres=2 * genres, words=int(titles)), counts, min_ratings)
    nexts = [[(walk[-1] + 1) % ITEMS] for walk in walks]
    return TrainingData(
        content=content,
        items=content.of(items),
        counts=counts[:ITEMS],
        sequences=ragged(walks),
        marked=AskedUsers(histories=ragged(walks), left_out=ragged(walks), held_out=ragged(nexts)),
    )


BARE = {"genres": False, "titles": False, "years": False, "min_ratings": 1}
DATA = {
    "no genres": data_of(LONG, **{**BARE, "titles": True, "years": True}),
    "no titles": data_of(LONG, **{**BARE, "genres": True}),
    "neither": data_of(LONG, **BARE),
    "two items each": data_of(PAIRS, **BARE),
    "one item each": data_of(SINGLES, **BARE),
    "every item rare": data_of(PAIRS, **{**BARE, "min_ratings": 100}),
}


@pytest.mark.parametrize("loss", [FULL_SOFTMAX, IN_BATCH_SOFTMAX, SQUARED_ERROR])
@pytest.mark.parametrize("data", DATA)
def test_every_weight_and_loss_is_a_number(data: str, loss: str) -> None:
    config = RetrievalConfig(loss=loss, embedding_dim=4, targets=3, epochs=6, eval_every=2, patience=6, batch_size=4)
    log = TrainingLog(METRIC, epochs=6, higher_is_better=True)
    (model,) = fit(config, DATA[data], log)
    tables, candidates = model.embed_catalogue()
    for weight in [*model.weights, tables, candidates]:
        assert np.isfinite(weight.numpy()).all()
    for entry in log.as_dict()["epochs"]:
        assert np.isfinite(entry["loss"]), entry


def test_a_training_that_diverges_is_told() -> None:
    config = RetrievalConfig(embedding_dim=4, learning_rate=1.0, l2=1e30, epochs=6, batch_size=4)
    with pytest.raises(InputError, match="the training of retrieval has diverged"):
        fit(config, DATA["neither"], TrainingLog(METRIC, epochs=6, higher_is_better=True))
