"""Artifacts of examples as executors read them: a split's files, the catalogue, and what the models were fit on."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from tfx.types import Artifact, artifact_utils

from components import artifacts, features
from components.examples import Catalogue, Strings, UserSequences, read_catalogue, read_sequences
from components.feature_specs import FeatureSpec, specs_from_json
from components.storage import storage_for
from components.validation.kept_statistics import INPUTS, Split

STATISTICS_FILE = "FeatureStats.pb"
"""What TFX calls the statistics of a split."""


def split_pattern(examples: Artifact, split: str) -> str:
    """File pattern of one split."""
    return f"{artifact_utils.get_split_uri([examples], split)}/*"


def catalogue_of(entities: Artifact) -> Catalogue:
    """All items."""
    return read_catalogue([split_pattern(entities, features.ITEMS_SPLIT)])


def feature_specs(entities: Artifact) -> tuple[FeatureSpec, ...]:
    """The features that the data have."""
    text = entities.get_string_custom_property(artifacts.FEATURES)
    return specs_from_json(str(text) or "[]")


def fitted_parts(sequences: Artifact) -> tuple[int, ...]:
    """The parts that the judged models are fit on: train, or train and eval."""
    refit = sequences.get_int_custom_property(artifacts.REFIT)
    return (features.TRAIN_PART, features.EVAL_PART) if refit else (features.TRAIN_PART,)


def sequences_of(sequences: Artifact, item_ids: Strings, parts: Collection[int]) -> UserSequences:
    """The rows of every user that are in some parts."""
    return read_sequences([split_pattern(sequences, features.SEQUENCES_SPLIT)], item_ids, parts)


def liked_from(examples: Artifact) -> float | None:
    """The least rating that is no dislike; None where there are no dislikes."""
    text = examples.get_string_custom_property(artifacts.LIKED_FROM)
    return float(text) if text else None


def leave_out_seen(examples: Artifact) -> str:
    """What lists leave out: always, never or for_days:N."""
    return str(examples.get_string_custom_property(artifacts.LEAVE_OUT_SEEN))


def statistics_of(given: Mapping[str, Artifact | None]) -> dict[Split, bytes]:
    """Statistics as they were written, by split: of those that a stage was given, by the name of its input."""
    found = {}
    for data, key in INPUTS.items():
        artifact = given.get(key)
        if artifact is None:
            continue
        for split in artifact_utils.decode_split_names(artifact.split_names):
            path = f"{artifact_utils.get_split_uri([artifact], split)}/{STATISTICS_FILE}"
            found[data, split] = b"".join(storage_for(path).read(path))
    return found
