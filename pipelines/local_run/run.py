"""One run from a configuration to a summary: opens the data, runs the pipeline, records what happened."""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timezone
from typing import Any, Protocol

from components.artifacts import ROWS
from components.beam import engines
from components.causes import cause_of
from components.errors import InputError
from components.memory import quick_imports
from components.own_process import ROWS_AT_ONCE
from components.progress import LOGGER
from components.settings import to_mapping
from pipelines.config import PipelineConfig
from pipelines.local_run import reports, stage_facts
from pipelines.local_run import summary as summaries
from pipelines.local_run.run_folder import RunFolder
from pipelines.local_run.stages import StageFailedError, StageResult, StageView
from pipelines.local_run.summary import Failure, PushSummary, StageSummary, Summary, write_summary

DISPENSABLE = ("RunReport",)
"""Stages without which a run has ended well all the same: a pushed bundle is served, with or without a page."""


class RunFailedError(Exception):
    """A run ended with an error that is recorded in its summary.

    Attributes:
      failure: The stage, the cause and where the traceback lies.
      curable: Whether the cause is an `InputError`, which a person can cure.
      push: What was pushed before; None where the Pusher had not ended.
    """

    def __init__(self, failure: Failure, *, curable: bool, push: PushSummary | None = None) -> None:
        super().__init__(failure.message)
        self.failure = failure
        self.curable = curable
        self.push = push


class RunView(StageView, Protocol):
    """Shows a run, from before its first stage on."""

    def preparing(self, message: str) -> None:
        """Shows what happens before the first stage."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class OpenedPipeline:
    """A pipeline that is ready to run.

    Attributes:
      pipeline: A TFX pipeline.
      source: The data set in words.
      split: The kind of split that `auto` has come to.
      fingerprint: Of the data.
      has_ratings: Whether the rows carry ratings.
    """

    pipeline: Any
    source: str = ""
    split: str = ""
    fingerprint: str = ""
    has_ratings: bool = True


def open_recommender(
    config: PipelineConfig, folder: RunFolder, beam_pipeline_args: Sequence[str] = ()
) -> OpenedPipeline:
    """Opens the data and builds this project's pipeline on it; its Beam stages run in memory unless told otherwise."""
    from components.ingestion.opening import open_source
    from components.ingestion.splits import resolve_kind
    from pipelines.local_run.places import places_of
    from pipelines.pipeline import create_pipeline

    source = open_source(config.data)
    facts, fingerprint = source.facts(), source.fingerprint()
    pipeline = create_pipeline(
        config,
        places=places_of(folder),
        facts=facts,
        fingerprint=fingerprint,
        beam_pipeline_args=engines.for_tfx(beam_pipeline_args),
    )
    return OpenedPipeline(
        pipeline=pipeline,
        source=facts.name,
        split=resolve_kind(config.split, facts),
        fingerprint=fingerprint,
        has_ratings=facts.has_ratings,
    )


def execute(
    config: PipelineConfig,
    folder: RunFolder,
    view: RunView,
    *,
    preset: str,
    cache: bool = True,
    own_processes: bool = False,
    open_pipeline: Callable[[PipelineConfig, RunFolder], OpenedPipeline] = open_recommender,
) -> Summary:
    """Runs the pipeline and keeps `summary.json` up to date, also when the run fails.

    The caller holds the folder's lock.

    Args:
      config: Every setting.
      folder: Where everything goes.
      view: Shows the run.
      preset: Name of the preset, for the summary.
      cache: Whether unchanged stages reuse their earlier results.
      own_processes: Whether each stage gets a process of its own: only where TensorFlow was not used in this one.
      open_pipeline: Builds the pipeline.

    Raises:
      RunFailedError: A stage failed, or the data cannot be used.
      KeyboardInterrupt: The run was interrupted.
    """
    start = time.monotonic()
    summary = _begun(config, folder, preset)
    recorder = _Recorder(view)
    opened: OpenedPipeline | None = None
    try:
        with _collected_notices(recorder.notices):
            view.preparing("Loading TensorFlow and TFX")
            with quick_imports():
                opened = open_pipeline(config, folder)
            for error in _run_stages(opened.pipeline, recorder, cache, own_processes):
                _warn_of(error, folder)
            details = stage_facts.read(recorder.results, opened.source, opened.split, folder.pushed_model)
        summary = dataclasses.replace(summary, status=summaries.OK, **details)
    except KeyboardInterrupt:
        failure = Failure(component=recorder.failed_stage(), message="interrupted")
        told = _told_until_then(recorder, opened, folder)
        summary = dataclasses.replace(summary, status=summaries.INTERRUPTED, failure=failure, **told)
        raise
    except Exception as error:
        failure = describe_failure(error, folder)
        told = _told_until_then(recorder, opened, folder)
        summary = dataclasses.replace(summary, status=summaries.FAILED, failure=failure, **told)
        raise RunFailedError(failure, curable=input_error_of(error) is not None, push=summary.push) from error
    finally:
        summary = dataclasses.replace(
            summary,
            finished=_now(),
            seconds=round(time.monotonic() - start, 3),
            stages=recorder.stages,
            notices=recorder.notices,
            peak_memory_bytes=summaries.peak_memory_bytes(),
        )
        summary = dataclasses.replace(summary, report=_report(summary, folder))
        _write(summary, folder)
    return summary


def _run_stages(pipeline: Any, view: StageView, cache: bool, own_processes: bool) -> list[StageFailedError]:
    """Runs the pipeline; returns the failures of what nothing needs."""
    from pipelines.local_run.runner import LocalRunner

    runner = LocalRunner(
        view, cache=cache, dispensable=DISPENSABLE, own_processes=own_processes, at_once=_stages_at_once
    )
    runner.run(pipeline)
    return runner.failures


def _stages_at_once(results: Sequence[StageResult]) -> int:
    """Two on small data; on others each fills the cores by itself, and their memory would add up."""
    ingested = [result.outputs["examples"].properties for result in results if result.id == "ExampleGen"]
    rows = sum(int(ingested[0].get(name, 0)) for name in ROWS.values()) if ingested else 0
    return 2 if 0 < rows <= ROWS_AT_ONCE else 1


def _begun(config: PipelineConfig, folder: RunFolder, preset: str) -> Summary:
    """Takes away what an earlier run has left and writes the summary of a run that has begun."""
    for of_an_earlier_run in (folder.error_log, folder.report):
        of_an_earlier_run.unlink(missing_ok=True)
    summary = Summary(
        status=summaries.RUNNING,
        preset=preset,
        config=to_mapping(config),
        started=_now(),
        versions=summaries.versions(),
    )
    write_summary(folder.summary, summary)
    return summary


def _write(summary: Summary, folder: RunFolder) -> None:
    """Writes the summary; what the run has ended with is not to be hidden by a disk that is full."""
    try:
        write_summary(folder.summary, summary)
    except OSError as error:
        LOGGER.warning("the summary could not be written: %s", cause_of(error))


def _told_until_then(recorder: _Recorder, opened: OpenedPipeline | None, folder: RunFolder) -> dict[str, Any]:
    """What the stages that ended well can tell of a run that did not; what was pushed, if nothing else."""
    if opened is None:
        return {}
    with contextlib.suppress(Exception):  # an artifact that cannot be read may be what the run has ended with
        details = stage_facts.read(recorder.results, opened.source, opened.split, folder.pushed_model)
        return {**details, "everything_cached": False}
    with contextlib.suppress(Exception):
        push = stage_facts.read_push(
            recorder.results, blessed=False, everything_cached=False, destination=folder.pushed_model
        )
        return {"push": push}
    return {}


def _warn_of(error: StageFailedError, folder: RunFolder) -> None:
    failure = describe_failure(error, folder)
    where = f"; the whole traceback: {failure.error_log}" if failure.error_log else ""
    LOGGER.warning("%s failed, and the run went on without it: %s%s", failure.component, failure.message, where)


def _report(summary: Summary, folder: RunFolder) -> str | None:
    """Writes the page; a run is not lost because its page is."""
    try:
        reports.write(summaries.as_mapping(summary), folder.report)
    except Exception as error:
        LOGGER.warning("the report could not be written: %s", cause_of(error))
        return None
    return str(folder.report)


class _Recorder:
    """Hands everything on to a view and keeps what the summary needs."""

    def __init__(self, view: StageView) -> None:
        self._view = view
        self.stages: list[StageSummary] = []
        self.results: dict[str, StageResult] = {}
        self.notices: list[str] = []

    def begin(self, stages: Sequence[str]) -> None:
        self._view.begin(stages)

    def started(self, stage: str) -> None:
        self._view.started(stage)

    def finished(self, result: StageResult) -> None:
        self.results[result.id] = result
        seconds = round(result.seconds, 3)
        outputs = {key: output.uri for key, output in sorted(result.outputs.items())}
        self.stages.append(
            StageSummary(id=result.id, status=summaries.OK, seconds=seconds, cached=result.cached, outputs=outputs)
        )
        self._view.finished(result)

    def failed(self, stage: str, seconds: float, how: str) -> None:
        self.stages.append(StageSummary(id=stage, status=how, seconds=round(seconds, 3)))
        self._view.failed(stage, seconds, how)

    def failed_stage(self) -> str | None:
        return next((one.id for one in self.stages if one.status != summaries.OK), None)


class _NoticeHandler(logging.Handler):
    def __init__(self, notices: list[str]) -> None:
        super().__init__(logging.WARNING)
        self._notices = notices

    def emit(self, record: logging.LogRecord) -> None:
        self._notices.append(record.getMessage())


@contextlib.contextmanager
def _collected_notices(notices: list[str]) -> Iterator[None]:
    handler = _NoticeHandler(notices)
    LOGGER.addHandler(handler)
    try:
        yield
    finally:
        LOGGER.removeHandler(handler)


def describe_failure(error: Exception, folder: RunFolder) -> Failure:
    """The error for people; the traceback goes into a file unless the message says everything."""
    stage = error.stage if isinstance(error, StageFailedError) else None
    input_error = input_error_of(error)
    if input_error is not None:
        return Failure(component=stage, message=str(input_error))
    cause = error.__cause__ if isinstance(error, StageFailedError) and error.__cause__ else error
    try:
        folder.error_log.write_text("".join(traceback.format_exception(error)), encoding="utf-8")
    except OSError:  # a full disk, which is what the cause says then
        return Failure(component=stage, message=engines.told(cause))
    return Failure(component=stage, message=engines.told(cause), error_log=str(folder.error_log))


def input_error_of(error: BaseException | None) -> InputError | None:
    """The InputError among an error and its causes."""
    while error is not None and not isinstance(error, InputError):
        error = error.__cause__ or error.__context__
    return error


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="seconds")
