"""A real TFX pipeline of three function components, for the tests of its runner."""

import io
import itertools
import json
import os
import time
from pathlib import Path

from rich.console import Console
from tfx import v1 as tfx
from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types.standard_artifacts import Model

from components import artifacts, progress
from components.errors import InputError
from pipelines.config import load
from pipelines.local_run.run import OpenedPipeline, execute
from pipelines.local_run.run_folder import RunFolder, locked, prepare
from pipelines.local_run.summary import Summary
from pipelines.terminal.stage_lines import StageLines


@component
def FirstStage(model: OutputArtifact[Model], number: Parameter[int]) -> None:  # noqa: N802
    Path(model.uri, "number.json").write_text(json.dumps(number))
    model.set_int_custom_property("number", number)


@component
def SecondStage(first: InputArtifact[Model], model: OutputArtifact[Model], orders: Parameter[str]) -> None:  # noqa: N802
    """Does what the file `orders` says: fail, refuse, interrupt, wait, or nothing."""
    order = Path(orders).read_text() if Path(orders).exists() else ""
    Path(model.uri, "half.txt").write_text("half written")
    if order == "fail":
        raise ValueError("the second stage is broken\nand this is more about it")
    if order == "refuse":
        raise InputError("the ratings are empty", expected="rows", received="0 rows", action="give another file")
    if order == "interrupt":
        raise KeyboardInterrupt
    if order == "wait":
        Path(orders).with_name("waiting").write_text(str(os.getpid()))
        time.sleep(600)


@component
def ThirdStage(second: InputArtifact[Model], model: OutputArtifact[Model]) -> None:  # noqa: N802
    progress.warn("the third stage has a notice")
    Path(model.uri, "done").write_text("done")


@component
def Pushes(model: OutputArtifact[Model], pushed_model: OutputArtifact[Model]) -> None:  # noqa: N802
    """Stands for the Pusher: a version that is served from now on."""
    Path(model.uri, "done").write_text("done")
    pushed_model.set_int_custom_property(artifacts.PUSHED, 1)
    pushed_model.set_string_custom_property(artifacts.PUSHED_VERSION, "1700000000")


def after_a_push(folder: RunFolder, failing: str) -> tfx.dsl.Pipeline:
    """Pusher, RunReport and BatchScorer by their ids; the one called `failing` fails."""
    (folder.pushed_model / "1700000000").mkdir(parents=True, exist_ok=True)
    (folder.path / "orders").write_text("fail")
    push = Pushes().with_id("Pusher")
    stages = [
        SecondStage(
            first=push.outputs["model"], orders=str(folder.path / ("orders" if stage == failing else "none"))
        ).with_id(stage)
        for stage in ("RunReport", "BatchScorer")
    ]
    for earlier, later in itertools.pairwise([push, *stages]):
        later.add_upstream_node(earlier)
    return tfx.dsl.Pipeline(
        pipeline_name="tiny",
        pipeline_root=str(folder.artifacts),
        components=[push, *stages],
        metadata_connection_config=tfx.orchestration.metadata.sqlite_metadata_connection_config(str(folder.metadata)),
    )


def create(folder: RunFolder, number: int = 7) -> tfx.dsl.Pipeline:
    """The pipeline with its files in `folder`; the file `orders` there tells the second stage what to do."""
    first = FirstStage(number=number)
    second = SecondStage(first=first.outputs["model"], orders=str(folder.path / "orders"))
    third = ThirdStage(second=second.outputs["model"])
    return tfx.dsl.Pipeline(
        pipeline_name="tiny",
        pipeline_root=str(folder.artifacts),
        components=[first, second, third],
        metadata_connection_config=tfx.orchestration.metadata.sqlite_metadata_connection_config(str(folder.metadata)),
    )


def run(output: Path, *, order: str = "", number: int = 7, cache: bool = True) -> tuple[Summary, str]:
    """Runs the pipeline; returns the summary and what was shown."""
    folder = prepare(output)
    (folder.path / "orders").write_text(order)
    shown = io.StringIO()
    with locked(folder), StageLines(Console(file=shown, width=200)) as view:
        summary = execute(
            load("demo"),
            folder,
            view,
            preset="tiny",
            cache=cache,
            open_pipeline=lambda config, folder: OpenedPipeline(pipeline=create(folder, number)),
        )
    return summary, shown.getvalue()
