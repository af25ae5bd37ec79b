"""A pipeline of a fake bundler, ServedModel, Evaluator and Pusher, run again and again in one metadata store."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

from ml_metadata.metadata_store import metadata_store
from ml_metadata.proto import metadata_store_pb2
from tfx.dsl.components.base import base_component, base_executor, executor_spec
from tfx.dsl.components.common import importer
from tfx.orchestration import metadata, pipeline
from tfx.orchestration.local.local_dag_runner import LocalDagRunner
from tfx.types import artifact_utils, channel, component_spec, standard_artifacts

from components.evaluation.component import RecommenderEvaluator
from components.evaluation.config import EvaluationConfig
from components.evaluation.results import EvaluationResult, read_evaluation
from components.push.component import AtomicPusher
from components.push.served_model.component import ServedModel
from components.push.versions import complete_versions
from components.settings import to_json
from tests.components.evaluation.fake_bundle import make_answers, make_peers, make_rows, save_bundle, write_rows

ROWS = make_rows()
CACHED = metadata_store_pb2.Execution.CACHED
COMPLETE = metadata_store_pb2.Execution.COMPLETE


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What one run did.

    Attributes:
      states: COMPLETE or CACHED of each component's execution in this run, by component id.
      versions: Complete versions at the push destination after it.
      result: What its Evaluator found, be it from the cache.
      pushed: Custom properties of its `pushed_model`.
      served: Custom properties of its ServedModel's `model`.
    """

    states: dict[str, int]
    versions: list[int]
    result: EvaluationResult
    pushed: dict[str, Any]
    served: dict[str, Any]


class Chain:
    def __init__(self, folder: Path) -> None:
        self.push_directory = folder / "pushed_model"
        self._folder = folder
        self._metadata = metadata.sqlite_metadata_connection_config(str(folder / "metadata.sqlite"))
        write_rows(folder / "examples", ROWS, make_peers(ROWS), shards=1)

    def run(self, quality: float, star_noise: float = 0.5) -> Outcome:
        known = {execution.id for execution in self._store().get_executions()}
        LocalDagRunner().run(self._pipeline(quality, star_noise))
        return self._outcome(known)

    def _pipeline(self, quality: float, star_noise: float) -> Any:
        examples = importer.Importer(
            source_uri=str(self._folder / "examples"),
            artifact_type=standard_artifacts.Examples,
            properties={"split_names": artifact_utils.encode_split_names(["test"])},
            custom_properties={"payload_format": "FORMAT_TF_EXAMPLE", "peer": "item-kNN"},
        ).with_id("Rows")
        bundler = FakeBundler(answers=json.dumps({"quality": quality, "star_noise": star_noise}))
        served = ServedModel(model=bundler.outputs["model"], push_directory=str(self.push_directory))
        evaluator = RecommenderEvaluator(
            examples=examples.outputs["result"],
            model=bundler.outputs["model"],
            baseline_model=served.outputs["model"],
            config=to_json(EvaluationConfig(k=20, cut_offs=(10,))),
            has_ratings=True,
        ).with_id("Evaluator")
        pusher = AtomicPusher(
            model=bundler.outputs["model"],
            judged=bundler.outputs["model"],
            model_blessing=evaluator.outputs["blessing"],
            push_directory=str(self.push_directory),
        ).with_id("Pusher")
        return pipeline.Pipeline(
            pipeline_name="chain",
            pipeline_root=str(self._folder / "artifacts"),
            components=[examples, bundler, served, evaluator, pusher],
            enable_cache=True,
            metadata_connection_config=self._metadata,
            # A container image nobody needs here keeps TFX from packing itself for Beam's workers.
            beam_pipeline_args=["--runner=FnApiRunner", "--sdk_container_image=unused"],
        )

    def _store(self) -> Any:
        return metadata_store.MetadataStore(self._metadata)

    def _outcome(self, known: set[int]) -> Outcome:
        store = self._store()
        types = {kind.id: kind.name for kind in store.get_execution_types()}
        new = {
            types[execution.type_id].rsplit(".", 1)[-1]: execution
            for execution in store.get_executions()
            if execution.id not in known
        }
        evaluation = self._outputs(store, new["RecommenderEvaluator"].id)
        return Outcome(
            states={name: execution.last_known_state for name, execution in new.items()},
            versions=complete_versions(self.push_directory),
            result=read_evaluation(evaluation["evaluation"].uri, evaluation["blessing"].uri),
            pushed=_custom(self._outputs(store, new["AtomicPusher"].id)["pushed_model"]),
            served=_custom(self._outputs(store, new["ServedModel"].id)["model"]),
        )

    def _outputs(self, store: Any, execution_id: int) -> dict[str, Any]:
        events = [
            event
            for event in store.get_events_by_execution_ids([execution_id])
            if event.type == metadata_store_pb2.Event.OUTPUT
        ]
        artifacts = {artifact.id: artifact for artifact in store.get_artifacts_by_id([e.artifact_id for e in events])}
        return {event.path.steps[0].key: artifacts[event.artifact_id] for event in events}


class _FakeBundlerExecutor(base_executor.BaseExecutor):
    def Do(self, input_dict: Any, output_dict: Any, exec_properties: Any) -> None:  # noqa: N802  TFX's name
        answers = make_answers(ROWS, **json.loads(exec_properties["answers"]))
        save_bundle(f"{output_dict['model'][0].uri}/Format-Serving", answers)


class _FakeBundlerSpec(component_spec.ComponentSpec):
    PARAMETERS = {"answers": component_spec.ExecutionParameter(type=str)}
    INPUTS: dict[str, Any] = {}
    OUTPUTS = {"model": component_spec.ChannelParameter(type=standard_artifacts.Model)}


class FakeBundler(base_component.BaseComponent):
    SPEC_CLASS = _FakeBundlerSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(_FakeBundlerExecutor)

    def __init__(self, answers: str) -> None:
        super().__init__(spec=_FakeBundlerSpec(answers=answers, model=channel.Channel(type=standard_artifacts.Model)))


def _custom(artifact: Any) -> dict[str, Any]:
    return {key: getattr(value, value.WhichOneof("value")) for key, value in artifact.custom_properties.items()}
