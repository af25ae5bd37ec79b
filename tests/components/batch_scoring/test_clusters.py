"""Flink, Spark and Dataflow: what the job hands to them, as far as that can be seen without a cluster."""

from __future__ import annotations

import contextlib
import shutil
from concurrent import futures

import grpc
import pytest
from apache_beam.options.pipeline_options import GoogleCloudOptions, PipelineOptions
from apache_beam.options.pipeline_options_validator import PipelineOptionsValidator
from apache_beam.portability import common_urns
from apache_beam.portability.api import beam_job_api_pb2, beam_job_api_pb2_grpc, beam_runner_api_pb2
from apache_beam.runners.dataflow.dataflow_runner import DataflowRunner
from apache_beam.runners.portability.flink_runner import FlinkJarJobServer
from apache_beam.runners.portability.spark_runner import SparkJarJobServer
from apache_beam.utils.subprocess_server import JavaJarServer
from apache_beam.version import __version__ as beam_version
from google.protobuf import json_format

from components.batch_scoring.job import Specification, run_attempt
from components.batch_scoring.publishing import Destination
from components.batch_scoring.watching import Request, score
from tests.components.batch_scoring.jobs import Scored, content_hash, score_in_memory

FLINK = ("--runner=FlinkRunner", "--flink_version=1.20", "--flink_master=jobmanager:8081", "--parallelism=4")
SPARK = ("--runner=SparkRunner", "--spark_master_url=spark://master:7077")
EXTERNAL = ("--environment_type=EXTERNAL", "--environment_config=localhost:50000")


class JobServer(beam_job_api_pb2_grpc.JobServiceServicer):
    """Takes a job as Flink's and Spark's job servers do, keeps it and does not run it."""

    def __init__(self) -> None:
        self.prepared: list[beam_job_api_pb2.PrepareJobRequest] = []

    def DescribePipelineOptions(self, request, context):  # noqa: N802
        return beam_job_api_pb2.DescribePipelineOptionsResponse()

    def Prepare(self, request, context):  # noqa: N802
        self.prepared.append(request)
        context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "the job has arrived, and is not run here")


@contextlib.contextmanager
def job_server():
    server, servicer = grpc.server(futures.ThreadPoolExecutor(2)), JobServer()
    beam_job_api_pb2_grpc.add_JobServiceServicer_to_server(servicer, server)
    port = server.add_insecure_port("localhost:0")
    server.start()
    try:
        yield servicer, f"localhost:{port}"
    finally:
        server.stop(0)


@pytest.mark.parametrize("options", [FLINK, SPARK], ids=["Flink", "Spark"])
def test_the_job_reaches_the_job_server_whole(bundle, tmp_path, options):
    with job_server() as (servicer, endpoint), pytest.raises(Exception, match="the job has arrived"):
        run_attempt(
            Specification(
                model=str(bundle.path),
                version="7",
                users="all",
                n=5,
                retrieve_only=False,
                folder=str(tmp_path / "attempt"),
                suffix=".parquet",
                shards=1,
                block_users=0,
                beam_arguments=[*options, *EXTERNAL, f"--job_endpoint={endpoint}"],
            )
        )
    (request,) = servicer.prepared
    given = json_format.MessageToDict(request.pipeline_options)
    for option in options[1:]:
        name, _, value = option.removeprefix("--").partition("=")
        assert str(given[f"beam:option:{name}:v1"]) == value
    components = request.pipeline.components
    (environment,) = [
        one for one in components.environments.values() if one.urn == common_urns.environments.EXTERNAL.urn
    ]
    payload = beam_runner_api_pb2.ExternalPayload.FromString(environment.payload)
    assert payload.endpoint.url == "localhost:50000"
    assert_keys_are_known_to_every_runner(components)


def assert_keys_are_known_to_every_runner(components):
    """Users are brought together by numbers that a runner that is no Python can read, and not by pickles."""
    (transform,) = [
        one
        for one in components.transforms.values()
        if one.unique_name.endswith("Bring together") and one.spec.urn == common_urns.primitives.GROUP_BY_KEY.urn
    ]
    (source,) = transform.inputs.values()
    pair = components.coders[components.pcollections[source].coder_id]
    assert pair.spec.urn == common_urns.coders.KV.urn
    assert components.coders[pair.component_coder_ids[0]].spec.urn == common_urns.coders.VARINT.urn


def test_flink_and_spark_ask_for_the_job_server_of_this_beam():
    flink, spark = PipelineOptions(list(FLINK)), PipelineOptions(list(SPARK))
    assert FlinkJarJobServer(flink).path_to_jar().endswith(f"beam-runners-flink-1.20-job-server-{beam_version}.jar")
    assert SparkJarJobServer(spark).path_to_jar().endswith(f"beam-runners-spark-3-job-server-{beam_version}.jar")


def test_dataflow_takes_the_options_of_the_documentation(monkeypatch):
    # Beam would ask Google about the buckets.
    monkeypatch.setattr(GoogleCloudOptions, "_warn_if_soft_delete_policy_enabled", lambda self, name: None)
    where = ("--project=my-project", "--region=europe-west1", "--temp_location=gs://bucket/tmp")
    image = ("--sdk_container_image=europe-docker.pkg.dev/p/r/recommender:1", "--job_name=scores")
    options = PipelineOptions(["--runner=DataflowRunner", *where, *image])
    assert PipelineOptionsValidator(options, DataflowRunner()).validate() == []
    without = PipelineOptions(["--runner=DataflowRunner", where[0]])
    assert PipelineOptionsValidator(without, DataflowRunner()).validate()


@pytest.mark.slow
def test_flink_gives_the_same_rows(bundle, tmp_path):
    """Runs wherever Beam can get the jar of its job server and there is a Java."""
    if shutil.which("java") is None:
        pytest.skip("Flink needs Java")
    try:
        jar = JavaJarServer.local_jar(FlinkJarJobServer(PipelineOptions(list(FLINK))).path_to_jar())
    except Exception as error:  # Beam raises what its downloader raises
        pytest.skip(f"Beam cannot get the jar of Flink's job server here: {error}")
    flink = ("--runner=FlinkRunner", "--flink_master=[local]", f"--flink_job_server_jar={jar}", "--parallelism=2")
    destination = Destination(output=str(tmp_path / "flink.parquet"))
    request = Request(
        model=str(bundle.path), version="7", users="all", n=5, destination=destination, beam_arguments=flink
    )
    done = Scored(destination, score(request))
    assert content_hash(done.rows) == content_hash(score_in_memory(bundle.path, tmp_path).rows)
