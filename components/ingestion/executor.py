"""Turns a source into Examples artifacts: read once, sorted on the disk, written user by user."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from typing import Any

import tensorflow as tf
from tfx.components.util import examples_utils
from tfx.dsl.components.base import base_executor
from tfx.proto import example_gen_pb2
from tfx.types import Artifact, artifact_utils

from components import artifacts, features, progress
from components.feature_specs import FeaturesConfig
from components.ingestion.config import DataConfig, SplitConfig
from components.ingestion.faults import WORDS, BadRow
from components.ingestion.ingestion import Ingestion
from components.ingestion.workspace import Workspace
from components.seen_rule import SeenRule
from components.settings import from_json, overridden

# Keys of outputs and execution properties.
CONFIG, SPLIT, FEATURES = "config", "split", "features"
FINGERPRINT, REFIT, LEAVE_OUT_SEEN = "fingerprint", "refit", "leave_out_seen"
ENTITIES, EXAMPLES, SEQUENCES, PROFILE = "entities", "examples", "sequences", "profile"
OVERRIDES = {"dataset": "dataset", "demo_seed": "demo_seed", "ratings": "ratings", "span": "span", "catalogue": "items"}
"""Optional execution properties that override a key of `config`."""

Artifacts = dict[str, list[Artifact]]


class Executor(base_executor.BaseExecutor):
    """Writes the items, the users, every user's interactions in order, and the held-out interactions."""

    def Do(self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: dict[str, Any]) -> None:
        """Reads the source, splits it and writes everything.

        Raises:
          InputError: The data cannot be used, or are too few to be split.
        """
        del input_dict
        data = from_json(DataConfig, overridden(exec_properties[CONFIG], exec_properties, OVERRIDES))
        split = from_json(SplitConfig, exec_properties[SPLIT])
        outputs = {key: artifact_utils.get_single_instance(found) for key, found in output_dict.items()}
        with Workspace(data.memory_limit, data.encoding) as workspace:
            ingested = Ingestion(
                data,
                split,
                workspace,
                refit=bool(exec_properties.get(REFIT)),
                leave_out_seen=SeenRule.parse(exec_properties.get(LEAVE_OUT_SEEN) or "auto"),
                specs=from_json(FeaturesConfig, exec_properties.get(FEATURES) or "{}").specs(),
            )
            ingested.write(outputs[ENTITIES].uri, outputs[EXAMPLES].uri, outputs[SEQUENCES].uri)
        _write_profile(ingested.profile(), outputs[PROFILE].uri)
        _write_skipped(ingested.skipped, outputs[PROFILE].uri)
        for artifact, splits in (
            (outputs[ENTITIES], [features.ITEMS_SPLIT, features.USERS_SPLIT]),
            (outputs[EXAMPLES], [features.EVAL, features.TEST]),
            (outputs[SEQUENCES], [features.SEQUENCES_SPLIT]),
        ):
            artifact.split_names = artifact_utils.encode_split_names(splits)
            examples_utils.set_payload_format(artifact, example_gen_pb2.PayloadFormat.FORMAT_TF_EXAMPLE)
            for key, number in ingested.counts().items():
                artifact.set_int_custom_property(key, number)
            for key, text in ingested.rules().items():
                artifact.set_string_custom_property(key, text)


def _write_profile(content: dict[str, Any], uri: str) -> None:
    tf.io.gfile.makedirs(uri)
    with tf.io.gfile.GFile(f"{uri}/{artifacts.DATA_PROFILE}", "w") as file:
        file.write(json.dumps(content, indent=1))


def _write_skipped(rows: Sequence[BadRow], uri: str) -> None:
    """Writes the bad rows that were skipped into a csv of their own; none without any."""
    if not rows:
        return
    path = f"{uri}/{artifacts.SKIPPED_ROWS}"
    with tf.io.gfile.GFile(path, "w") as file:
        writer = csv.writer(file)
        writer.writerow(("file", "row", "what is wrong", "value"))
        writer.writerows((row.path, row.line, WORDS[row.fault], row.value) for row in rows)
    progress.report("the first %s skipped rows: %s", f"{len(rows):,}", path)
