"""From a source to Examples artifacts: the two executors of ingestion."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import tensorflow as tf
from tfx.components.util import examples_utils
from tfx.dsl.components.base import base_executor
from tfx.proto import example_gen_pb2
from tfx.types import Artifact, artifact_utils

from components import artifacts, features
from components.example_artifacts import catalogue_of
from components.examples import Catalogue
from components.ingestion.arrow_rows import ExampleRows, movie_batch
from components.ingestion.blocks import Ints, Source
from components.ingestion.catalogue import complete_catalogue
from components.ingestion.config import DataConfig, SplitConfig
from components.ingestion.interactions import (
    EVAL_PART,
    TEST_PART,
    TRAIN_PART,
    Rows,
    in_order,
    read_rows,
    without_duplicates,
)
from components.ingestion.new_users import set_aside
from components.ingestion.profile import profile
from components.ingestion.source import open_source
from components.ingestion.splits import assign_parts, require_all_parts, resolve_kind
from components.ingestion.writer import LARGE_ROWS_PER_SHARD, ExamplesFolder
from components.progress import warn
from components.settings import from_json, overridden

# Keys of inputs, outputs and execution properties.
CONFIG, SPLIT, FINGERPRINT = "config", "split", "fingerprint"
MOVIES, EXAMPLES, SEQUENCES, PROFILE = "movies", "examples", "sequences", "profile"
OVERRIDES = {"dataset": "dataset", "demo_seed": "demo_seed", "ratings": "ratings", "catalogue": "movies"}
"""Optional execution properties that override a key of `config`; `movies` is the name of an input already."""

Artifacts = dict[str, list[Artifact]]


class MoviesExampleGenExecutor(base_executor.BaseExecutor):
    """Writes the whole catalogue as one split."""

    def Do(self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: dict[str, Any]) -> None:
        """Reads the catalogue, completes it with the rated movies, and writes it.

        Raises:
          InputError: The data cannot be used.
        """
        del input_dict
        movies, added = complete_catalogue(_open(exec_properties))
        examples = artifact_utils.get_single_instance(output_dict[EXAMPLES])
        with ExamplesFolder(examples.uri) as folder:
            batch = movie_batch(movies.ids, movies.titles, movies.genres)
            folder.write(features.CATALOGUE_SPLIT, [batch], len(movies), what="movies", rows_per_shard=len(movies))
        _describe(examples, [features.CATALOGUE_SPLIT])
        examples.set_int_custom_property(artifacts.CATALOGUE_ROWS, len(movies))
        examples.set_int_custom_property(artifacts.ADDED_TO_CATALOGUE, added)


class RatingsExampleGenExecutor(base_executor.BaseExecutor):
    """Writes the interactions as train, eval and test, and the rows to fit on once more user by user."""

    def Do(self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: dict[str, Any]) -> None:
        """Reads the interactions, splits them, writes both artifacts, and what they look like beside them.

        Raises:
          InputError: The data cannot be used, or are too few to be split.
        """
        source = _open(exec_properties)
        split = from_json(SplitConfig, exec_properties[SPLIT])
        facts = source.facts()
        kind = resolve_kind(split, facts)
        catalogue = catalogue_of(input_dict[MOVIES])
        rows, dropped = without_duplicates(read_rows(source, list(catalogue.movie_ids)))
        if dropped:
            warn("%d rows repeat a pair of user and movie: the latest row of each pair was kept", dropped)
        rows = in_order(rows, list(catalogue.movie_ids))
        parts = assign_parts(rows, catalogue.movie_ids, kind, split)
        new = set_aside(rows, parts, split.new_users, split.seed)
        require_all_parts(new.parts, kind)
        rows = rows.with_parts(new.parts)
        examples = artifact_utils.get_single_instance(output_dict[EXAMPLES])
        sequences = artifact_utils.get_single_instance(output_dict[SEQUENCES])
        _write(rows, catalogue, split, new.requests, examples.uri, sequences.uri)
        _write_profile(
            {
                "source": facts.name,
                "split": kind,
                "has_ratings": facts.has_ratings,
                "has_timestamps": facts.has_timestamps,
                "refit": split.refit,
                "new_users": int(np.count_nonzero(new.requests)),
                "users": len(rows.user_ids),
                "movies": len(catalogue),
                "added_movies": input_dict[MOVIES][0].get_int_custom_property(artifacts.ADDED_TO_CATALOGUE),
                "duplicates_dropped": dropped,
                **profile(rows, len(catalogue), facts),
            },
            artifact_utils.get_single_uri(output_dict[PROFILE]),
        )
        _describe(examples, list(features.SPLITS))
        further = {features.REFIT_SPLIT: split.refit, features.NEW_USERS_SPLIT: split.new_users > 0}
        _describe(sequences, [features.SEQUENCES_SPLIT, *(name for name, there in further.items() if there)])
        for name, part in zip(features.SPLITS, (TRAIN_PART, EVAL_PART, TEST_PART), strict=True):
            examples.set_int_custom_property(artifacts.ROWS[name], rows.count(part))
        examples.set_int_custom_property(artifacts.USERS, len(rows.user_ids))
        examples.set_int_custom_property(artifacts.MOVIES, len(catalogue))
        examples.set_int_custom_property(artifacts.DUPLICATES_DROPPED, dropped)
        examples.set_int_custom_property(artifacts.HAS_RATINGS, int(facts.has_ratings))
        examples.set_int_custom_property(artifacts.HAS_TIMESTAMPS, int(facts.has_timestamps))
        examples.set_int_custom_property(artifacts.REFIT, int(split.refit))


def _open(exec_properties: dict[str, Any]) -> Source:
    return open_source(from_json(DataConfig, overridden(exec_properties[CONFIG], exec_properties, OVERRIDES)))


def _write(
    rows: Rows, catalogue: Catalogue, split: SplitConfig, requests: Ints, examples_uri: str, sequences_uri: str
) -> None:
    batches = ExampleRows(rows, catalogue, EVAL_PART if split.refit else TRAIN_PART, requests)
    with ExamplesFolder(sequences_uri) as sequences, ExamplesFolder(examples_uri) as examples:
        examples.write(features.TRAIN, batches.train(split.seed), rows.count(TRAIN_PART), what="training rows")
        for name, part in ((features.EVAL, EVAL_PART), (features.TEST, TEST_PART)):
            examples.write(
                name,
                batches.held_out(part, split.history_length),
                rows.count(part),
                what=f"{name} rows",
                rows_per_shard=LARGE_ROWS_PER_SHARD,
            )
        for name, last in ((features.SEQUENCES_SPLIT, TRAIN_PART), (features.REFIT_SPLIT, EVAL_PART)):
            if last == TRAIN_PART or split.refit:
                sequences.write(
                    name,
                    batches.sequences(last),
                    batches.users_with_rows(last),
                    what="user sequences",
                    rows_per_shard=LARGE_ROWS_PER_SHARD,
                )
        if split.new_users > 0:
            sequences.write(
                features.NEW_USERS_SPLIT, batches.new_users(), int(np.count_nonzero(requests)), what="new users"
            )


def _write_profile(content: dict[str, Any], uri: str) -> None:
    tf.io.gfile.makedirs(uri)
    with tf.io.gfile.GFile(f"{uri}/{artifacts.DATA_PROFILE}", "w") as file:
        file.write(json.dumps(content, indent=1))


def _describe(examples: Artifact, splits: list[str]) -> None:
    examples.split_names = artifact_utils.encode_split_names(splits)
    examples_utils.set_payload_format(examples, example_gen_pb2.PayloadFormat.FORMAT_TF_EXAMPLE)
