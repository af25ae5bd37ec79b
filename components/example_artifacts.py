"""Artifacts of examples as executors read them: a split's files, the catalogue, and what the models were fit on."""

from __future__ import annotations

from tfx.types import Artifact, artifact_utils

from components import features
from components.examples import Catalogue, Strings, UserSequences, read_catalogue, read_sequences


def split_pattern(examples: list[Artifact], split: str) -> str:
    """File pattern of one split."""
    return f"{artifact_utils.get_split_uri(examples, split)}/*"


def split_names(examples: list[Artifact]) -> list[str]:
    """The splits that ingestion has written."""
    return list(artifact_utils.decode_split_names(artifact_utils.get_single_instance(examples).split_names))


def catalogue_of(movies: list[Artifact]) -> Catalogue:
    """All movies."""
    return read_catalogue([split_pattern(movies, features.CATALOGUE_SPLIT)])


def fitted_sequences(sequences: list[Artifact], movie_ids: Strings) -> UserSequences:
    """The rows of every user that the models were fit on: train, or train + eval where they were refit."""
    fitted = features.fitted_split(split_names(sequences))
    return read_sequences([split_pattern(sequences, fitted)], movie_ids)
