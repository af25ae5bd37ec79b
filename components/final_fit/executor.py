"""Trains on every row, indexes, bundles and checks: the same stages once more, in a row, for a blessed bundle."""

from __future__ import annotations

import dataclasses
import json
import tempfile
import time
import types
from typing import Any

import pyarrow.parquet as pq
import tensorflow as tf
from tfx.dsl.components.base import base_executor
from tfx.types import Artifact, artifact_utils, standard_artifacts
from tfx.utils import path_utils

from components import artifacts, features, progress
from components.bundle import executor as bundler
from components.evaluation.results import BLESSED_FILE
from components.final_fit.check import check
from components.index import executor as indexer
from components.ranking import training as ranking_training
from components.retrieval import training as retrieval_training
from components.storage import storage_for
from components.training import inputs
from components.training.executor import data_settings
from components.training.settings_file import read_settings
from components.training.warm_start import is_warm, weights_path
from serving import contract

BLESSING, JUDGED = "blessing", "judged"
RETRIEVAL_RUN, RANKING_RUN = "retrieval_run", "ranking_run"
TRANSFORM_GRAPH, ENTITIES, SEQUENCES = "transform_graph", "entities", "sequences"
RETRIEVAL, RANKING = "retrieval", "ranking"
INDEX, BUNDLE = "index", "bundle"
STRATEGY, JUDGED_K = "strategy", "judged_k"
MODEL, MODEL_RUN = "model", "model_run"

Artifacts = dict[str, list[Artifact]]


class Executor(base_executor.BaseExecutor):
    """Runs the run_fn of both trainers, then the executors of the CandidateIndexer and of the RecommenderBundler."""

    def Do(self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: dict[str, Any]) -> None:
        """Trains and bundles, or marks the output absent where nothing was blessed."""
        model = artifact_utils.get_single_instance(output_dict[MODEL])
        blessed = f"{artifact_utils.get_single_uri(input_dict[BLESSING])}/{BLESSED_FILE}"
        if not storage_for(blessed).exists(blessed):
            model.set_int_custom_property(artifacts.ABSENT, 1)
            progress.warn("not blessed, so nothing is trained on all rows")
            return
        model.set_int_custom_property(artifacts.ABSENT, 0)
        run = artifact_utils.get_single_uri(output_dict[MODEL_RUN])
        with tempfile.TemporaryDirectory(prefix="recommender-final-fit-") as folder:
            fit = _Fit(input_dict, exec_properties, folder, run)
            started = time.monotonic()
            retrieval = fit.trained(retrieval_training.run_fn, RETRIEVAL, RETRIEVAL_RUN)
            ranking = (
                fit.trained(ranking_training.run_fn, RANKING, RANKING_RUN) if input_dict.get(RANKING_RUN) else None
            )
            index = fit.indexed(retrieval)
            fit.bundle(retrieval, index, ranking, model)
            seconds = time.monotonic() - started
        judged = path_utils.serving_model_path(artifact_utils.get_single_uri(input_dict[JUDGED]))
        final = path_utils.serving_model_path(model.uri)
        users = pq.read_table(f"{final}/{contract.EXTRA_ASSETS}/{contract.USERS_FILE}")["user_id"].to_pylist()
        likeness = check(tf.saved_model.load(judged), tf.saved_model.load(final), users)
        progress.report(
            "trained on all rows: %.0f %% of the judged bundle's lists are in its own (popularity: %.0f %%)",
            100 * likeness.overlap,
            100 * likeness.popularity_overlap,
        )
        found = {"seconds": round(seconds, 1), **dataclasses.asdict(likeness)}
        with tf.io.gfile.GFile(f"{run}/{artifacts.FINAL_CHECK}", "w") as file:
            file.write(json.dumps(found) + "\n")


class _Fit:
    """One final fit.

    Args:
      input_dict: Of the stage.
      exec_properties: Of the stage.
      folder: For what only the bundle needs.
      run: Where epochs are written.
    """

    def __init__(self, input_dict: Artifacts, exec_properties: dict[str, Any], folder: str, run: str) -> None:
        self._inputs = input_dict
        self._properties = exec_properties
        self._folder = folder
        self._run = run

    def trained(self, run_fn: Any, name: str, judged_run: str) -> Artifact:
        """A model trained on every row."""
        model = self._artifact(name)
        run = artifact_utils.get_single_uri(self._inputs[judged_run])
        judged = path_utils.serving_model_path(artifact_utils.get_single_uri(self._inputs[JUDGED]))
        # What was started from others' weights goes on from its own, for as many epochs as eval has chosen.
        warm = {inputs.START: weights_path(judged, name)} if is_warm(run) else {}
        run_fn(
            types.SimpleNamespace(
                transform_output=artifact_utils.get_single_uri(self._inputs[TRANSFORM_GRAPH]),
                serving_model_dir=path_utils.serving_model_dir(model.uri),
                model_run_dir=f"{self._run}/{name}",
                eval_files=[],
                custom_config={
                    inputs.CONFIG: read_settings(run),
                    inputs.STRATEGY: self._properties[STRATEGY],
                    inputs.FINAL_EPOCHS: _chosen_epochs(run),
                    **warm,
                    **data_settings(self._inputs[ENTITIES], self._inputs[SEQUENCES]),
                },
            )
        )
        return model

    def indexed(self, retrieval: Artifact) -> Artifact:
        """The index of a retrieval model."""
        index = self._artifact(INDEX)
        indexer.Executor().Do(
            {indexer.MODEL_KEY: [retrieval], **self._data(indexer)},
            {indexer.INDEX_KEY: [index]},
            {indexer.CONFIG_KEY: self._properties[INDEX], indexer.PARTS_KEY: features.ALL_PARTS},
        )
        return index

    def bundle(self, retrieval: Artifact, index: Artifact, ranking: Artifact | None, model: Artifact) -> None:
        """Everything in one SavedModel."""
        ranked = {} if ranking is None else {bundler.RANKING_KEY: [ranking]}
        bundler.Executor().Do(
            {bundler.RETRIEVAL_KEY: [retrieval], bundler.INDEX_KEY: [index], **ranked, **self._data(bundler)},
            {bundler.BUNDLE_KEY: [model]},
            {
                bundler.CONFIG_KEY: self._properties[BUNDLE],
                bundler.BEFORE_TEST_KEY: 0,
                bundler.JUDGED_K_KEY: self._properties[JUDGED_K],
                bundler.PARTS_KEY: features.ALL_PARTS,
            },
        )

    def _data(self, stage: Any) -> Artifacts:
        return {stage.ITEMS_KEY: self._inputs[ENTITIES], stage.SEQUENCES_KEY: self._inputs[SEQUENCES]}

    def _artifact(self, name: str) -> Artifact:
        artifact = standard_artifacts.Model()
        artifact.uri = f"{self._folder}/{name}"
        return artifact


def _chosen_epochs(model_run: str) -> list[int]:
    """Epochs that the eval rows chose for each model of a training."""
    path = f"{model_run}/{artifacts.TRAINING_LOG}"
    return list(json.loads(b"".join(storage_for(path).read(path)))["chosen_epochs"])
