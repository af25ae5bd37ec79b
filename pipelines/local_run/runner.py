"""Runs a TFX pipeline on this machine and tells what each stage did."""

from __future__ import annotations

import contextlib
import functools
import shutil
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent import futures
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from ml_metadata.proto import metadata_store_pb2
from tfx.dsl.compiler import constants
from tfx.orchestration import metadata
from tfx.orchestration.local import local_dag_runner, runner_utils
from tfx.orchestration.portable import (
    beam_executor_operator,
    data_types,
    launcher,
    python_executor_operator,
    runtime_parameter_utils,
)
from tfx.orchestration.portable.mlmd import execution_lib
from tfx.proto.orchestration import executable_spec_pb2, pipeline_pb2

from components.errors import InputError
from components.memory import give_back, settle
from components.own_process import end_all, together
from pipelines.local_run.stages import OutputArtifact, Property, StageFailedError, StageResult, StageView

_EXECUTION = metadata_store_pb2.Execution
_EVENT = metadata_store_pb2.Event


class LocalRunner(local_dag_runner.LocalDagRunner):  # type: ignore[misc]
    """A LocalDagRunner that shows each stage, names the one that fails and goes on after an interruption.

    Args:
      view: Is told when stages start and end.
      cache: Whether a stage whose inputs and settings are unchanged reuses its earlier result.
      until: Ids of stages: only these and what they need are run; empty: all.
      dispensable: Ids of stages that nothing needs: the run goes on where one of them fails, and `failures` has it.
      own_processes: Whether the work of each stage is done in a fork of this process, so that their memory does not
        add up (docs/decisions/0023-a-process-for-each-stage.md). TensorFlow must not have been used in this process.
      at_once: How many stages may run at the same time, by the results so far; with `own_processes` only.
    """

    def __init__(
        self,
        view: StageView,
        *,
        cache: bool = True,
        until: Collection[str] = (),
        dispensable: Collection[str] = (),
        own_processes: bool = False,
        at_once: Callable[[Sequence[StageResult]], int] = lambda results: 1,
    ) -> None:
        super().__init__()
        self._view = view
        self._cache = cache
        self._until = until
        self._dispensable = dispensable
        self._own_processes = own_processes
        self._at_once = at_once
        self.results: list[StageResult] = []
        self.failures: list[StageFailedError] = []
        self._interrupted = False

    def run_with_ir(self, pipeline: pipeline_pb2.Pipeline, run_options: pipeline_pb2.RunOptions | None = None) -> None:
        """Runs the compiled pipeline; `results` then holds the stages that ended well.

        Raises:
          StageFailedError: A stage failed; the stages after it were not started.
        """
        if run_options is not None:
            raise ValueError("LocalRunner runs whole pipelines: run_options are not supported")
        runtime_parameter_utils.substitute_runtime_parameter(
            pipeline, {constants.PIPELINE_RUN_ID_PARAMETER_NAME: datetime.now(timezone.utc).isoformat()}
        )
        deployment = runner_utils.extract_local_deployment_config(pipeline)
        connection = getattr(
            deployment.metadata_connection_config,
            deployment.metadata_connection_config.WhichOneof("connection_config"),
        )
        root = Path(pipeline.runtime_spec.pipeline_root.field_value.string_value)
        _check_record(connection)
        discard_unfinished(connection, root)
        nodes = _needed([node.pipeline_node for node in pipeline.nodes], self._until)
        self.results, self.failures = [], []
        self._view.begin([node.node_info.id for node in nodes])
        settle()
        for node in nodes:
            node.execution_options.caching_options.enable_cache = self._cache
        start_node = functools.partial(self._run_node, pipeline=pipeline, deployment=deployment, connection=connection)
        try:
            if self._own_processes:
                self._run_at_once(nodes, start_node)
            else:
                for node in nodes:
                    start_node(node)
                    give_back()
        except Exception:
            raise
        except BaseException:  # Ctrl-C, SIGTERM: TFX leaves executions and half-written folders behind
            discard_unfinished(connection, root)
            raise

    def _run_at_once(self, nodes: Sequence[pipeline_pb2.PipelineNode], start_node: Callable[[Any], None]) -> None:
        """Runs each stage once those upstream of it have ended, the first ones first; none begins after a failure."""
        waiting = list(nodes)
        running: dict[futures.Future[None], pipeline_pb2.PipelineNode] = {}
        with ThreadPoolExecutor(len(nodes), thread_name_prefix="stage") as threads:
            try:
                while waiting or running:
                    here = {node.node_info.id for node in (*waiting, *running.values())}
                    ready = [node for node in waiting if here.isdisjoint(node.upstream_nodes)]
                    for node in ready[: max(0, self._at_once(self.results) - len(running))]:
                        waiting.remove(node)
                        running[threads.submit(start_node, node)] = node
                    for future in futures.wait(running, return_when=futures.FIRST_COMPLETED).done:
                        del running[future]
                        future.result()
            except Exception:
                futures.wait(running)  # what runs beside a stage that fails may end, and is there the next time
                raise
            except BaseException:
                self._interrupted = True
                end_all()
                raise

    def _run_node(self, node: pipeline_pb2.PipelineNode, pipeline: Any, deployment: Any, connection: Any) -> None:
        stage = node.node_info.id
        start = time.monotonic()
        with _TURN:
            self._view.started(stage)
            try:
                execution_info = launcher.Launcher(
                    pipeline_node=node,
                    mlmd_connection=metadata.Metadata(connection),
                    pipeline_info=pipeline.pipeline_info,
                    pipeline_runtime_spec=pipeline.runtime_spec,
                    executor_spec=runner_utils.extract_executor_spec(deployment, stage),
                    custom_driver_spec=runner_utils.extract_custom_driver_spec(deployment, stage),
                    custom_executor_operators=_OWN_PROCESS if self._own_processes else None,
                ).launch()
                result = _read_result(connection, stage, execution_info, time.monotonic() - start)
            except BaseException as error:
                seconds = time.monotonic() - start
                failed = isinstance(error, Exception) and not self._interrupted
                self._view.failed(stage, seconds, "failed" if failed else "interrupted")
                if not isinstance(error, Exception):
                    raise
                self._failed(StageFailedError(stage, seconds), error)
            else:
                self.results.append(result)
                self._view.finished(result)

    def _failed(self, failure: StageFailedError, cause: Exception) -> None:
        """Raises it, unless nothing needs the stage."""
        failure.__cause__ = cause
        if failure.stage not in self._dispensable:
            raise failure
        self.failures.append(failure)


_TURN = threading.Lock()
"""Held by the one stage that is at work in this process: no fork sees another thread but one that waits."""


@contextlib.contextmanager
def _others_turn() -> Iterator[None]:
    _TURN.release()
    try:
        yield
    finally:
        _TURN.acquire()


class _InOwnProcess:
    """Before an executor operator of TFX: has it run its executor in a fork of this process."""

    def run_executor(self, execution_info: data_types.ExecutionInfo) -> Any:
        run_here = super().run_executor  # type: ignore[misc]
        (output,) = together([lambda: run_here(execution_info)], while_waiting=_others_turn)
        return output


class _PythonOperator(_InOwnProcess, python_executor_operator.PythonExecutorOperator):  # type: ignore[misc]
    pass


class _BeamOperator(_InOwnProcess, beam_executor_operator.BeamExecutorOperator):  # type: ignore[misc]
    pass


_OWN_PROCESS = {
    executable_spec_pb2.PythonClassExecutableSpec: _PythonOperator,
    executable_spec_pb2.BeamExecutableSpec: _BeamOperator,
}


def _needed(nodes: Sequence[pipeline_pb2.PipelineNode], until: Collection[str]) -> list[pipeline_pb2.PipelineNode]:
    """The stages `until` and those upstream of them, in their order; all of them where none is named."""
    if not until:
        return list(nodes)
    needed = set(until)
    for node in reversed(nodes):  # upstream stages stand before
        if node.node_info.id in needed:
            needed.update(node.upstream_nodes)
    return [node for node in nodes if node.node_info.id in needed]


def discard_unfinished(connection: metadata_store_pb2.ConnectionConfig, artifacts: Path) -> list[int]:
    """Closes executions that a killed run left open and deletes what they had half written.

    Only for the process that holds the run's folder: an open execution cannot be anybody's then.

    Args:
      connection: Where the executions are recorded.
      artifacts: The pipeline root, `<Component>/<output>/<execution>/`.

    Returns:
      Ids of the executions that were open.
    """
    with metadata.Metadata(connection) as handle:
        unfinished = [e for e in handle.store.get_executions() if execution_lib.is_execution_active(e)]
        for execution in unfinished:
            for folder in artifacts.glob(f"*/*/{execution.id}"):
                shutil.rmtree(folder)
            execution.last_known_state = _EXECUTION.FAILED
        if unfinished:
            handle.store.put_executions(unfinished)
    return [execution.id for execution in unfinished]


def _check_record(connection: metadata_store_pb2.ConnectionConfig) -> None:
    """Raises an InputError where the record of earlier runs cannot be opened."""
    try:
        with metadata.Metadata(connection):
            pass
    except RuntimeError as error:  # MLMD raises nothing more telling
        path = connection.sqlite.filename_uri
        raise InputError(
            f"the record of earlier runs {path} cannot be opened",
            expected="the database that TFX wrote there",
            received=str(error).split(" query: ")[0],
            action="delete it (every stage is then computed anew), or choose another folder with --output",
        ) from error


def _read_result(connection: Any, stage: str, execution_info: Any, seconds: float) -> StageResult:
    """Looks up how the execution ended: the launcher swallows some failures and says nothing of the cache."""
    execution_id = getattr(execution_info, "execution_id", None)
    if execution_id is None:
        raise RuntimeError(f"{stage} was not run: TFX found no artifacts for its inputs")
    with metadata.Metadata(connection) as handle:
        (execution,) = handle.store.get_executions_by_id([execution_id])
        if not execution_lib.is_execution_successful(execution):
            raise RuntimeError(_failure_message(stage, execution))
        return StageResult(
            id=stage,
            seconds=seconds,
            cached=execution.last_known_state == _EXECUTION.CACHED,
            outputs=_read_outputs(handle.store, execution_id),
        )


def _failure_message(stage: str, execution: metadata_store_pb2.Execution) -> str:
    recorded = execution.custom_properties.get("__execution_result__")
    return f"{stage} could not be run: {recorded.string_value if recorded else 'TFX gives no reason'}"


def _read_outputs(store: Any, execution_id: int) -> dict[str, OutputArtifact]:
    keys: dict[int, str] = {}
    for event in store.get_events_by_execution_ids([execution_id]):
        if event.type in (_EVENT.OUTPUT, _EVENT.DECLARED_OUTPUT):
            keys.setdefault(event.artifact_id, event.path.steps[0].key)
    outputs: dict[str, OutputArtifact] = {}
    for artifact in store.get_artifacts_by_id(sorted(keys)):
        properties = {**_values(artifact.properties), **_values(artifact.custom_properties)}
        outputs.setdefault(keys[artifact.id], OutputArtifact(uri=artifact.uri, properties=properties))
    return outputs


def _values(properties: Mapping[str, metadata_store_pb2.Value]) -> dict[str, Property]:
    kinds = {name: value.WhichOneof("value") for name, value in properties.items()}
    return {
        name: getattr(properties[name], kind)
        for name, kind in kinds.items()
        if kind in ("int_value", "double_value", "string_value")
    }
