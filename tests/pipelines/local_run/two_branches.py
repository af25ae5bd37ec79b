"""A real pipeline of two stages that may run at the same time, as a program: `python -m … FOLDER ORDER...`.

It runs once for each ORDER in processes of their own and prints, as lines of JSON, what became of each run.
"""

from __future__ import annotations

import io
import json
import signal
import sys
from pathlib import Path

from rich.console import Console
from tfx import v1 as tfx

from pipelines.config import load
from pipelines.local_run import run
from pipelines.local_run.run import OpenedPipeline, RunFailedError, execute
from pipelines.local_run.run_folder import locked, prepare
from pipelines.terminal.stage_lines import StageLines
from tests.pipelines.local_run.branch import Branch


def create(folder, order):
    meeting = str(folder.path)
    branches = [
        Branch(meeting=meeting, name="left", other="right", order=order).with_id("left"),
        Branch(meeting=meeting, name="right", other="left", order="").with_id("right"),
    ]
    return tfx.dsl.Pipeline(
        pipeline_name="branches",
        pipeline_root=str(folder.artifacts),
        components=branches,
        metadata_connection_config=tfx.orchestration.metadata.sqlite_metadata_connection_config(str(folder.metadata)),
    )


def run_once(output, order):
    folder = prepare(output)
    shown = io.StringIO()
    message = ""
    with locked(folder), StageLines(Console(file=shown, width=200)) as view:
        try:
            execute(
                load("demo"),
                folder,
                view,
                preset="branches",
                own_processes=True,
                open_pipeline=lambda config, folder: OpenedPipeline(pipeline=create(folder, order)),
            )
        except (RunFailedError, KeyboardInterrupt) as error:
            message = str(error)
    summary = json.loads(folder.summary.read_text())
    told = {
        "status": summary["status"],
        "stages": {stage["id"]: "cached" if stage["cached"] else stage["status"] for stage in summary["stages"]},
        "message": message,
        "notices": summary["notices"],
        "log": folder.error_log.read_text() if folder.error_log.exists() else "",
        "folders": sorted(str(path.relative_to(folder.artifacts)) for path in folder.artifacts.glob("*/model/*/*")),
        "shown": shown.getvalue(),
    }
    sys.stdout.write(json.dumps(told) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # who runs the tests may ignore it
    run._stages_at_once = lambda results: 2
    for asked in sys.argv[2:]:
        run_once(Path(sys.argv[1]), asked)
