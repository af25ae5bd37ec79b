"""Trains on every row, indexes, bundles and checks: the same stages once more, in a row, for a blessed bundle."""

from __future__ import annotations

import dataclasses
import functools
import json
import tempfile
import time
import types
from collections.abc import Callable
from typing import Any

import pyarrow.parquet as pq
import tensorflow as tf
from tfx.types import Artifact, standard_artifacts
from tfx.utils import path_utils

from components import artifacts, features, own_process, progress
from components.bundle.config import BundleConfig
from components.bundle.executor import Inputs, bundle
from components.evaluation.results import BLESSED_FILE
from components.final_fit.check import Likeness, check, lists_of, users_to_ask
from components.index.choice import Chosen
from components.index.config import IndexConfig
from components.index.executor import index_catalogue
from components.ranking import training as ranking_training
from components.retrieval import training as retrieval_training
from components.storage import storage_for
from components.training import inputs
from components.training.executor import data_settings
from components.training.settings_file import read_settings
from components.training.warm_start import is_warm, weights_path
from serving import contract

RETRIEVAL, RANKING, INDEX = "retrieval", "ranking", "index"


@dataclasses.dataclass(frozen=True, kw_only=True)
class FinalFitting:
    """One final fit: the `run_fn` of both trainers, then the index and the bundle.

    Attributes:
      judged: The bundle that was judged.
      transform_graph: What Transform made.
      entities: Items and users.
      sequences: Every row of every user.
      index: Settings of the index.
      bundle: Settings of the bundle.
      strategy: `TrainingConfig.strategy`.
      judged_k: Length of the judged list.
      model_run: Where epochs and the check go.
    """

    judged: Artifact
    transform_graph: Artifact
    entities: Artifact
    sequences: Artifact
    index: IndexConfig
    bundle: BundleConfig
    strategy: str
    judged_k: int
    model_run: Artifact

    def fit(self, retrieval_run: Artifact, ranking_run: Artifact | None, model: Artifact) -> None:
        """Trains for as many epochs as the judged runs chose, bundles, checks, and writes what the check found."""
        started = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="recommender-final-fit-") as folder:
            retrieval, index = _artifact(folder, RETRIEVAL), _artifact(folder, INDEX)
            ranking = None if ranking_run is None else _artifact(folder, RANKING)
            trainings = [functools.partial(self._train, retrieval_training.run_fn, RETRIEVAL, retrieval_run, retrieval)]
            if ranking is not None:
                trainings.append(functools.partial(self._train, ranking_training.run_fn, RANKING, ranking_run, ranking))
            self._run(*trainings)
            self._run(functools.partial(self._index, retrieval, index))
            parts = Inputs(
                retrieval=retrieval, index=index, ranking=ranking, items=self.entities, sequences=self.sequences
            )
            self._run(functools.partial(self._bundle, parts, model))
        seconds = time.monotonic() - started
        found = {"seconds": round(seconds, 1), **dataclasses.asdict(self._check(model))}
        with tf.io.gfile.GFile(f"{self.model_run.uri}/{artifacts.FINAL_CHECK}", "w") as file:
            file.write(json.dumps(found) + "\n")

    def _run(self, *works: Callable[[], Any]) -> list[Any]:
        """Each in a process of its own on a local run, all at once where the data are small."""
        rows = sum(self.sequences.get_int_custom_property(name) for name in artifacts.ROWS.values())
        return own_process.run(works, at_once=rows <= own_process.ROWS_AT_ONCE)

    def _train(self, run_fn: Any, name: str, judged_run: Artifact, model: Artifact) -> None:
        """Trains a model on every row."""
        judged = path_utils.serving_model_path(self.judged.uri)
        # What was started from others' weights goes on from its own, for as many epochs as eval has chosen.
        warm = {inputs.START: weights_path(judged, name)} if is_warm(judged_run.uri) else {}
        run_fn(
            types.SimpleNamespace(
                transform_output=self.transform_graph.uri,
                serving_model_dir=path_utils.serving_model_dir(model.uri),
                model_run_dir=f"{self.model_run.uri}/{name}",
                eval_files=[],
                custom_config={
                    inputs.CONFIG: read_settings(judged_run.uri),
                    inputs.STRATEGY: self.strategy,
                    inputs.FINAL_EPOCHS: _chosen_epochs(judged_run.uri),
                    **warm,
                    **data_settings(self.entities, self.sequences),
                },
            )
        )

    def _index(self, retrieval: Artifact, index: Artifact) -> None:
        """Indexes the catalogue; the search for a setting begins with that of the judged bundle."""
        path = f"{path_utils.serving_model_path(self.judged.uri)}/{contract.EXTRA_ASSETS}/{contract.BUNDLE_FILE}"
        earlier = Chosen.of(json.loads(b"".join(storage_for(path).read(path)))["index"])
        index_catalogue(self.index, retrieval, self.entities, self.sequences, features.ALL_PARTS, index, earlier)

    def _bundle(self, parts: Inputs, model: Artifact) -> None:
        bundle(self.bundle, parts, features.ALL_PARTS, model, before_test=False, judged_k=self.judged_k)

    def _check(self, model: Artifact) -> Likeness:
        judged, final = (path_utils.serving_model_path(one.uri) for one in (self.judged, model))
        users = pq.read_table(f"{final}/{contract.EXTRA_ASSETS}/{contract.USERS_FILE}")["user_id"].to_pylist()
        asked = users_to_ask(users)
        old, new = self._run(*(functools.partial(lists_of, path, asked) for path in (judged, final)))
        likeness = check(old, new)
        progress.report(
            "trained on all rows: %.0f %% of the judged bundle's lists are in its own (popularity: %.0f %%)",
            100 * likeness.overlap,
            100 * likeness.popularity_overlap,
        )
        return likeness


def is_blessed(blessing: Artifact, model: Artifact) -> bool:
    """Whether there is anything to fit; where not, the model is marked absent."""
    path = f"{blessing.uri}/{BLESSED_FILE}"
    blessed = storage_for(path).exists(path)
    model.set_int_custom_property(artifacts.ABSENT, int(not blessed))
    if not blessed:
        progress.warn("not blessed, so nothing is trained on all rows")
    return blessed


def _artifact(folder: str, name: str) -> Artifact:
    artifact = standard_artifacts.Model()
    artifact.uri = f"{folder}/{name}"
    return artifact


def _chosen_epochs(model_run: str) -> list[int]:
    """Epochs that the eval rows chose for each model of a training."""
    path = f"{model_run}/{artifacts.TRAINING_LOG}"
    return list(json.loads(b"".join(storage_for(path).read(path)))["chosen_epochs"])
