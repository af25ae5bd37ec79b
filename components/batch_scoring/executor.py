"""Executor of the BatchScorer: the job of `recommender score`, in the process and on the engine of the pipeline."""

from __future__ import annotations

import contextlib
import tempfile
import threading
from collections.abc import Iterator
from typing import Any

from tfx import types
from tfx.dsl.components.base import base_beam_executor
from tfx.types import artifact_utils

from components.artifacts import PUSHED_DESTINATION, PUSHED_VERSION, SCORED_COUNTS, SCORED_ROWS
from components.batch_scoring.config import BatchScoresConfig
from components.batch_scoring.job import Specification, run_attempt
from components.batch_scoring.publishing import Destination, discard, publish
from components.batch_scoring.user_files import ALL
from components.batch_scoring.watching import AttemptWatch
from components.progress import warn
from components.settings import from_json
from components.storage import S3_SCHEMES, copy_tree

PUSHED_MODEL_KEY = "pushed_model"
SCORES_KEY = "scores"
CONFIG_KEY = "config"

SECONDS_BETWEEN_LOOKS = 1.0


class Executor(base_beam_executor.BaseBeamExecutor):  # type: ignore[misc]
    """Scores all users of the pushed version."""

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Writes `scores.parquet` and its summary, or says that there is nothing to score."""
        config = from_json(BatchScoresConfig, exec_properties[CONFIG_KEY])
        pushed = artifact_utils.get_single_instance(input_dict[PUSHED_MODEL_KEY])
        scores = artifact_utils.get_single_instance(output_dict[SCORES_KEY])
        version = pushed.get_string_custom_property(PUSHED_VERSION)
        if not version:
            warn("nothing was pushed, so nobody is scored")
            return
        destination = Destination(output=f"{scores.uri}/{SCORED_ROWS}", shards=config.shards)
        folder = destination.attempt_folder()
        try:
            with _opened(pushed.get_string_custom_property(PUSHED_DESTINATION)) as model, _told(folder) as watch:
                specification = Specification(
                    model=model,
                    version=version,
                    users=ALL,
                    n=config.n,
                    retrieve_only=False,
                    folder=folder,
                    suffix=destination.suffix,
                    shards=config.shards,
                    block_users=0,
                    beam_arguments=list(self._beam_pipeline_args or ()),
                )
                summary = run_attempt(specification, self._make_beam_pipeline, watch.expect)
            watch.end(summary)
            publish(destination, folder)
        finally:
            discard(folder)
        for name in SCORED_COUNTS:
            scores.set_int_custom_property(name, summary[name])
        scores.set_string_custom_property(PUSHED_VERSION, version)


@contextlib.contextmanager
def _opened(destination: str) -> Iterator[str]:
    """A folder of the pushed version that TensorFlow opens: a copy of it where it lies in a bucket of S3."""
    if destination.partition("://")[0] not in S3_SCHEMES:
        yield destination
        return
    with tempfile.TemporaryDirectory() as folder:
        copy_tree(destination, folder)
        yield folder


@contextlib.contextmanager
def _told(folder: str) -> Iterator[AttemptWatch]:
    """Shows how far the job is while the block runs."""
    watch, over = AttemptWatch(folder), threading.Event()

    def look() -> None:
        while not over.wait(SECONDS_BETWEEN_LOOKS):
            watch.look()

    watcher = threading.Thread(target=look, daemon=True)
    watcher.start()
    try:
        yield watch
    finally:
        over.set()
        watcher.join()
