"""Submitting, against a server that speaks as much of Kubeflow's API as a submission needs."""

import copy
import json
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import yaml

from components.errors import InputError
from pipelines.kubeflow import submission
from tests.pipelines.commands import exit_code

PARAMETERS = {
    "retrieval_epochs": {"parameterType": "NUMBER_INTEGER", "defaultValue": 75},
    "retrieval_learning_rate": {"parameterType": "NUMBER_DOUBLE", "defaultValue": 0.01},
    "data_version": {"parameterType": "STRING"},
}
SPEC = {
    "schemaVersion": "2.1.0",
    "sdkVersion": "tfx-1.16.0",
    "defaultPipelineRoot": "s3://bucket/root",
    "pipelineInfo": {"name": "recommender"},
    "deploymentSpec": {"executors": {"A_executor": {"container": {"image": "i", "command": ["true"]}}}},
    "components": {"A": {"executorLabel": "A_executor"}},
    "root": {
        "dag": {"tasks": {"A": {"taskInfo": {"name": "A"}, "componentRef": {"name": "A"}}}},
        "inputDefinitions": {"parameters": PARAMETERS},
    },
}
PLATFORM = {"platforms": {"kubernetes": {"deploymentSpec": {"executors": {"A_executor": {"imagePullSecret": []}}}}}}


class Kubeflow(ThreadingHTTPServer):
    """Keeps what is sent to it; refuses runs where it is told to."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.runs = []
        self.refuses = False
        self.multi_user = False
        self.host = f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        if "healthz" in self.path:
            self._answer({"multi_user": self.server.multi_user})
        else:
            self._answer({"experiment_id": "e", "display_name": "Default"} if "experiments" in self.path else {})

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if "runs" not in self.path:
            self._answer({"experiment_id": "e", "display_name": body.get("display_name", "")})
        elif self.server.refuses:
            self._answer({"error": "unknown template format"}, 400)
        else:
            self.server.runs.append((self.headers.get("authorization"), body))
            self._answer({"run_id": "run-1", "display_name": body["display_name"], "experiment_id": "e"})

    def _answer(self, content, status=200):
        data = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *arguments):
        pass


@pytest.fixture
def kubeflow(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))  # the client keeps settings there
    server = Kubeflow()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def pipeline(tmp_path):
    path = tmp_path / "pipeline.yaml"
    path.write_text(yaml.safe_dump_all([SPEC, PLATFORM]))
    return path


def test_a_run_is_given_its_parameters_its_root_and_both_documents(kubeflow, pipeline, capsys):
    code = exit_code(
        "submit", "kubeflow", str(pipeline), "--host", kubeflow.host, "--param", "retrieval_epochs=3",
        "--param", "data_version=2026-11", "--run-name", "monday", "--token", "secret",
    )  # fmt: skip
    assert code == 0
    assert json.loads(capsys.readouterr().out) == {  # and nothing else: a script reads it
        "run_id": "run-1",
        "url": f"{kubeflow.host}/#/runs/details/run-1",
    }
    ((authorization, body),) = kubeflow.runs
    assert authorization == "Bearer secret"
    assert body["display_name"] == "monday"
    assert body["runtime_config"] == {
        "parameters": {"retrieval_epochs": 3, "data_version": "2026-11"},
        "pipeline_root": "s3://bucket/root",
    }
    assert body["pipeline_spec"]["pipeline_spec"]["pipelineInfo"]["name"] == "recommender"
    assert body["pipeline_spec"]["platform_spec"]["platforms"] == PLATFORM["platforms"]


def test_every_step_is_run_where_the_cache_is_not_wanted(kubeflow, tmp_path):
    path = tmp_path / "cached.yaml"
    spec = copy.deepcopy(SPEC)
    spec["root"]["dag"]["tasks"]["A"]["cachingOptions"] = {"enableCache": True}
    path.write_text(yaml.safe_dump(spec))
    for options, cached in ((), {"enableCache": True}), (("--no-cache",), {}):
        assert (
            exit_code("submit", "kubeflow", str(path), "--host", kubeflow.host, "--param", "data_version=1", *options)
            == 0
        )
        sent = kubeflow.runs[-1][1]["pipeline_spec"]
        assert sent.get("pipeline_spec", sent)["root"]["dag"]["tasks"]["A"]["cachingOptions"] == cached


def test_the_cache_answers_for_as_many_days_as_are_asked_for():
    day = 86_400
    versions = [
        submission.for_days({"data_version": "a"}, 30, now)["data_version"]
        for now in (30 * day, 60 * day - 1, 60 * day, 90 * day)
    ]
    assert versions[0] == versions[1]  # from the first second of a block to its last
    assert len(set(versions)) == 3
    assert submission.for_days({"data_version": "a"}, None, 0.0) == {"data_version": "a"}
    assert submission.for_days({"data_version": "b"}, 30, 30 * day)["data_version"] != versions[0]
    with pytest.raises(InputError, match="compiled without the cache"):
        submission.for_days({}, 30, 0.0)


def test_a_namespace_is_for_a_kubeflow_that_has_several(kubeflow, pipeline, capsys):
    command = ("submit", "kubeflow", str(pipeline), "--host", kubeflow.host, "--param", "data_version=1")
    assert exit_code(*command, "--namespace", "shop") == 2
    assert "not multi-user" in capsys.readouterr().err
    assert kubeflow.runs == []
    kubeflow.multi_user = True
    assert exit_code(*command, "--namespace", "shop") == 0
    assert len(kubeflow.runs) == 1


def test_a_refusal_says_what_the_server_said(kubeflow, pipeline):
    kubeflow.refuses = True
    with pytest.raises(InputError, match="unknown template format"):
        submission.submit(pipeline, host=kubeflow.host, arguments={"data_version": "1"})


def test_nothing_listens_there(pipeline, capsys):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        host = f"http://127.0.0.1:{free.getsockname()[1]}"
    assert exit_code("submit", "kubeflow", str(pipeline), "--host", host, "--param", "data_version=1") == 2
    said = capsys.readouterr().err
    assert f"cannot be reached at {host}" in said
    assert "port-forward" in said


@pytest.mark.parametrize("host", ["localhost", "ftp://localhost", "http://", "http://localhost:notaport"])
def test_an_address_that_is_none(host):
    with pytest.raises(InputError, match="no address"):
        submission.check_reachable(host)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["epochs=3"], "no parameter `epochs`"),
        (["retrieval_epochs"], "cannot read"),
        (["retrieval_epochs=many"], "whole number"),
        (["retrieval_learning_rate=fast"], "a number"),
        (["retrieval_epochs=3"], "data_version"),
    ],
)
def test_parameters_that_the_pipeline_cannot_take(arguments, says):
    with pytest.raises(InputError, match=says):
        submission.parse_arguments(SPEC, arguments)


@pytest.mark.parametrize("text", ["", "a: [", "a: 1", "- 1"])
def test_a_file_that_is_no_compiled_pipeline(tmp_path, text):
    path = tmp_path / "pipeline.yaml"
    path.write_text(text)
    with pytest.raises(InputError, match="no compiled pipeline"):
        submission.read_spec(path)
