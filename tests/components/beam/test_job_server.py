"""One job server for the jobs of a run; Prism stands for it, started in Java's place."""

import contextlib
import sys
from pathlib import Path

import apache_beam as beam
import psutil
import pytest
from apache_beam.options.pipeline_options import PipelineOptions

from components.beam import job_server
from components.errors import InputError

PRISM = Path(__file__).parents[3] / "shared" / "bin" / "prism"


def launcher(folder: Path, command: str) -> str:
    """What is started as `java -jar JAR … --job-port PORT …`; it writes a line for each start."""
    path = folder / "java"
    path.write_text(
        f"#!{sys.executable}\n"
        "import os, sys\n"
        f"open({str(folder / 'started')!r}, 'a').write(f'{{os.getpid()}}\\n')\n"
        "port = sys.argv[sys.argv.index('--job-port') + 1]\n"
        f"{command}\n"
    )
    path.chmod(0o755)
    return str(path)


def started(folder: Path) -> list[int]:
    path = folder / "started"
    return [int(line) for line in path.read_text().splitlines()] if path.exists() else []


def arguments(folder: Path, java: str) -> list[str]:
    jar = folder / "job-server.jar"
    jar.touch()
    options = [f"--flink_job_server_jar={jar}", f"--job_server_java_launcher={java}"]
    return ["--runner=FlinkRunner", "--flink_master=jobmanager:8081", "--environment_type=LOOPBACK", *options]


def run_job(options: list[str], output: Path) -> list[str]:
    with beam.Pipeline(options=PipelineOptions(options)) as pipeline:
        _ = pipeline | beam.Create([1, 2]) | beam.Map(str) | beam.io.WriteToText(str(output), shard_name_template="")
    return sorted(output.read_text().split())


@pytest.mark.skipif(not PRISM.exists(), reason=f"needs Prism at {PRISM}")
def test_two_jobs_are_run_by_one_server_that_ends_with_the_block(tmp_path):
    java = launcher(tmp_path, f"os.execv({str(PRISM)!r}, ['prism', '--serve_http=false', '--job_port', port])")
    with job_server.shared(arguments(tmp_path, java)) as options:
        assert run_job(options, tmp_path / "one") == ["1", "2"]
        assert run_job(options, tmp_path / "two") == ["1", "2"]
        (process,) = started(tmp_path)
        server = psutil.Process(process)  # it is there
    with contextlib.suppress(psutil.NoSuchProcess):
        server.wait(timeout=120)  # told to end, it takes its time on a busy machine


def test_a_server_that_does_not_start_is_told_with_what_to_do(tmp_path):
    java = launcher(tmp_path, "sys.exit(3)")
    with pytest.raises(InputError, match="cannot be started") as error, job_server.shared(arguments(tmp_path, java)):
        pytest.fail("the block must not run")
    assert "--job_endpoint" in error.value.action


@pytest.mark.parametrize(
    "given",
    [
        ["--runner=FnApiRunner"],
        ["--runner=FlinkRunner", "--flink_master=jobmanager:8081", "--job_endpoint=localhost:8099"],
        ["--runner=FlinkRunner", "--flink_master=jobmanager:8081", "--flink_submit_uber_jar"],
        [],
    ],
)
def test_options_that_need_no_server_stay(given):
    with job_server.shared(given) as options:
        assert options == given
