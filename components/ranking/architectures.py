"""Rating models by the name that the configuration gives them."""

from __future__ import annotations

from components.ranking.config import ARCHITECTURES, RankingConfig
from components.ranking.cross import Cross
from components.ranking.dense import Dense
from components.ranking.factorization_machine import FactorizationMachine
from components.ranking.item_features import ItemFeatures
from components.ranking.known_ratings import KnownRatings
from components.ranking.matrix_factorization import MatrixFactorization
from components.ranking.rating_model import RatingModel

_CLASSES: dict[str, type[RatingModel]] = dict(
    zip(ARCHITECTURES, (FactorizationMachine, MatrixFactorization, Dense, Cross), strict=True)
)


def create_model(config: RankingConfig, items: ItemFeatures, known: KnownRatings, seed: int) -> RatingModel:
    """The model that `config.architecture` names, with initial values drawn by `seed`."""
    return _CLASSES[config.architecture](config, items, known, seed)
