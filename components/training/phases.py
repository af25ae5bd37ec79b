"""What a training may see: the training rows, and after a choice by the eval rows train + eval.

With `split.refit` a model is trained twice. The first training looks for the number of epochs with
the eval rows; the second trains anew on train + eval for that long, and it is what is judged and
served. Transform has then counted train + eval, so the first training takes back what the eval rows
told: movies without training rows are unknown to it, and frequencies are those of the training
rows. What stays is that genres and title words of eval rows are in the vocabularies.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from components.examples import Catalogue, Longs, UserSequences, read_sequences
from components.training.inputs import REFIT_SEQUENCES, SEQUENCES
from components.transform.graph import CatalogueFeatures, TransformGraph


@dataclasses.dataclass(frozen=True, kw_only=True)
class Phase:
    """The rows of one training, and what they tell of the movies.

    Attributes:
      sequences: The rows of each user, oldest first.
      movies: Features of the catalogue; a movie without a row here has the unknown index.
      frequencies: int64 `[movie vocabulary + 1]`, rows of each movie index; 0 for the unknown one.
    """

    sequences: UserSequences
    movies: CatalogueFeatures
    frequencies: Longs


def read_phases(
    custom_config: Mapping[str, Any], graph: TransformGraph, catalogue: Catalogue
) -> tuple[Phase, Phase | None]:
    """The training that the eval rows may stop, and the one after it where the models are refit.

    Args:
      custom_config: Of a trainer's `fn_args`: file patterns of `sequences` and, for a refit, of `refit_sequences`.
      graph: The transform graph: of the training rows, for a refit of train + eval.
      catalogue: All movies.
    """
    movies, frequencies = graph.catalogue_features(catalogue), graph.movie_frequencies()
    train = read_sequences(custom_config[SEQUENCES], catalogue.movie_ids)
    if REFIT_SEQUENCES not in custom_config:
        return Phase(sequences=train, movies=movies, frequencies=frequencies), None
    both = read_sequences(custom_config[REFIT_SEQUENCES], catalogue.movie_ids)
    return choosing(train, movies, unknown=len(frequencies) - 1), Phase(
        sequences=both, movies=movies, frequencies=frequencies
    )


def choosing(train: UserSequences, movies: CatalogueFeatures, *, unknown: int) -> Phase:
    """The phase that sees training rows only, of features that were made from more rows.

    Args:
      train: Training rows of each user.
      movies: Features of the catalogue by a graph that has counted more than the training rows.
      unknown: The movie index of an unknown movie.
    """
    rows = train.movies.rows[train.movies.rows >= 0]
    seen = np.bincount(rows, minlength=len(movies.movie_index)) > 0
    index = np.where(seen, movies.movie_index, unknown)
    return Phase(
        sequences=train,
        movies=dataclasses.replace(movies, movie_index=index),
        frequencies=np.bincount(index[rows], minlength=unknown + 1),
    )
