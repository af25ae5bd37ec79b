"""Rating models by the name that the configuration gives them: a row each, which needs no TensorFlow.

A further one needs no line here: `ranking.architecture = package.module:NAME` names an Architecture in any module that
can be imported where the run is (and in the image, on Kubeflow).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING

from components.by_path import find, imported

if TYPE_CHECKING:
    from components.ranking.config import RankingConfig
    from components.ranking.item_features import ItemFeatures
    from components.ranking.known_ratings import KnownRatings
    from components.ranking.rating_model import RatingModel

DEFAULT = "factorization_machine"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Architecture:
    """A rating model.

    Attributes:
      model: Its class, a `RatingModel`, as `package.module:Class`: it is imported when a model is made.
      meaning: What it is, with its source, in a line for the documentation.
      reads: Settings that not every architecture reads and this one does; a search varies no others of that kind.
      defaults: Values of settings where they differ from those of RankingConfig, which are the default architecture's.
    """

    model: str
    meaning: str
    reads: frozenset[str] = frozenset()
    defaults: Mapping[str, float | int] = dataclasses.field(default_factory=dict)


CONTENT = frozenset({"l2_history", "l2_features"})
NETWORK = CONTENT | {"layers", "dropout"}
OF_NETWORKS = {"batch_size": 8192, "epochs": 30, "patience": 5}

ARCHITECTURES: dict[str, Architecture] = {
    DEFAULT: Architecture(
        model="components.ranking.factorization_machine:FactorizationMachine",
        meaning="factorisation machine in two towers (Rendle 2010)",
        reads=CONTENT,
    ),
    "matrix_factorization": Architecture(
        model="components.ranking.matrix_factorization:MatrixFactorization",
        meaning="matrix factorisation with biases (Koren 2009)",
        defaults={"l2_ids": 15.0, "l2_biases": 5.0},
    ),
    "dense": Architecture(
        model="components.ranking.dense:Dense", meaning="dense layers", reads=NETWORK, defaults=OF_NETWORKS
    ),
    "cross": Architecture(
        model="components.ranking.cross:Cross", meaning="DCN v2 (Wang 2021)", reads=NETWORK, defaults=OF_NETWORKS
    ),
}


def find_architecture(name: str) -> Architecture:
    """The architecture that a setting names.

    Raises:
      InputError: There is none of that name, or what a path names is none.
    """
    known = ARCHITECTURES
    return known[name] if name in known else find("ranking.architecture", name, Architecture, known)


def create_model(config: RankingConfig, items: ItemFeatures, known: KnownRatings, seed: int) -> RatingModel:
    """The model that `config.architecture` names, with initial values drawn by `seed`."""
    model: RatingModel = imported(find_architecture(config.architecture).model)(config, items, known, seed)
    return model
