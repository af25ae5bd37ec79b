"""The request log: what was asked and answered, as PredictionLog, by share, in files that are rotated and bounded."""

from __future__ import annotations

import collections
import contextlib
import json

import grpc
import httpx
import numpy as np
import pytest
import tensorflow as tf
from google.protobuf import text_format
from tensorflow_serving.apis import (
    model_management_pb2,
    predict_pb2,
    prediction_log_pb2,
    prediction_service_pb2_grpc,
)

from serving.client import RecommenderClient
from serving.errors import InvalidRequestError
from serving.models.config import ModelConfig, models_of
from serving.request_log import record as record_module
from serving.request_log.config import LoggedModel, RequestLogConfig
from serving.request_log.files import RecordFiles, files_of, records_of
from serving.request_log.record import hashed, read
from serving.request_log.request_log import is_sampled
from serving.server import EventsConfig, ServerConfig, running
from tests.serving.asking import wait_for
from tests.serving.tiny_models import publish, save_odd

KEY = b"a key that nobody knows"


@contextlib.contextmanager
def logging(base, folder, rate=1.0, **options):
    """A server that logs into the folder."""
    log = {name: options.pop(name) for name in ("key_file", "max_bytes", "max_files") if name in options}
    config = ServerConfig(
        models=(ModelConfig(name="recommender", base_path=base),),
        rest_port=0,
        grpc_port=0,
        request_log=RequestLogConfig(default=LoggedModel(prefix=folder / "requests", sampling_rate=rate), **log),
        **options,
    )
    with running(config) as server:
        server.url = f"http://127.0.0.1:{server.rest_port}"
        yield server


def ask(server, body, path="/v1/models/recommender:predict", **headers):
    return httpx.post(server.url + path, json=body, headers=headers, timeout=60)


def logged(folder):
    """Everything that has been logged, oldest first."""
    return [read(record) for path in files_of(folder / "requests") for record in records_of(path)]


def test_a_request_is_logged_with_its_answer_and_the_id_of_the_answer(bundle_folder, tmp_path):
    with logging(bundle_folder, tmp_path) as server:
        mine = ask(server, {"instances": ["ann", "nobody"]}, **{"X-Request-ID": "mine"})
        given = ask(server, {"instances": ["bob"]})
        ask(server, {"instances": [3]})  # refused: there is no answer to log
    first, second = logged(tmp_path)
    assert (first.request_id, first.model, first.version, first.signature) == (
        "mine",
        "recommender",
        7,
        "serving_default",
    )
    assert first.inputs["user_id"].tolist() == [b"ann", b"nobody"]
    answers = mine.json()["predictions"]
    assert [[item.decode() for item in row] for row in first.outputs["item_ids"]] == [
        one["item_ids"] for one in answers
    ]
    np.testing.assert_allclose(first.outputs["scores"], [one["scores"] for one in answers], rtol=1e-6)
    assert first.outputs["source"].tolist() == [b"model", b"popularity"]
    assert second.request_id == given.headers["x-request-id"]


def test_a_call_of_grpc_is_logged_by_its_label(bundle_folder, tmp_path):
    models = (ModelConfig(name="recommender", base_path=bundle_folder, labels={"stable": 7}),)
    with logging(bundle_folder, tmp_path) as server:
        server.models.reload(models)
        request = predict_pb2.PredictRequest()
        request.model_spec.name, request.model_spec.version_label = "recommender", "stable"
        request.model_spec.signature_name = "similar"
        request.inputs["item_id"].dtype = 7
        request.inputs["item_id"].tensor_shape.dim.add(size=1)
        request.inputs["item_id"].string_val.append(b"m1")
        with grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}") as channel:
            stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
            answer = stub.Predict(request, metadata=[("x-request-id", "called")], timeout=60)
    (path,) = files_of(tmp_path / "requests")
    (record,) = records_of(path)
    log = prediction_log_pb2.PredictionLog.FromString(record)  # as every other reader sees it
    assert log.predict_log.response == answer
    assert log.predict_log.request.model_spec.version_label == "stable"
    assert log.log_metadata.model_spec.version.value == 7
    assert log.log_metadata.saved_model_tags == ["serve"]
    one = read(record)
    assert (one.request_id, one.label, one.signature) == ("called", "stable", "similar")


def test_what_was_asked_is_logged_and_not_what_events_made_of_it(bundle_folder, tmp_path):
    events = EventsConfig(url=f"sqlite:///{tmp_path}/events.db")
    with logging(bundle_folder, tmp_path, events=events) as server:
        httpx.post(f"{server.url}/v1/events", json={"events": [{"user": "ann", "item": "m7"}]}, timeout=60)
        ask(server, {"instances": ["ann"]})
    (one,) = logged(tmp_path)
    assert list(one.inputs) == ["user_id"]
    assert one.outputs["source"].tolist() == [b"history"]


def test_people_are_hashed_under_a_key(bundle_folder, tmp_path):
    (tmp_path / "key").write_bytes(KEY + b"\n")
    with logging(bundle_folder, tmp_path, key_file=tmp_path / "key") as server:
        answer = ask(server, {"instances": ["ann", ""]})
    (path,) = files_of(tmp_path / "requests")
    (one,) = logged(tmp_path)
    # openssl: printf ann | openssl dgst -sha256 -hmac "a key that nobody knows"
    assert one.inputs["user_id"].tolist() == [b"7f556b33cc9428eea7d767383900ee37", b""]
    assert b"ann" not in path.read_bytes()
    assert [item.decode() for item in one.outputs["item_ids"][0]] == answer.json()["predictions"][0]["item_ids"]
    assert hashed(b"ann", b"another key") != hashed(b"ann", KEY)


def test_a_share_of_the_requests_is_logged_the_same_share_everywhere(bundle_folder, tmp_path):
    with logging(bundle_folder, tmp_path, rate=0.25) as server:
        for number in range(200):
            ask(server, {"instances": ["ann"]}, **{"X-Request-ID": f"request-{number}"})
    found = [one.request_id for one in logged(tmp_path)]
    expected = [f"request-{number}" for number in range(200) if is_sampled(b"request-%d" % number, 0.25)]
    assert found == expected
    assert 20 <= len(found) <= 80
    counts = collections.Counter(is_sampled(b"3f00-%x" % number, 0.1) for number in range(100_000))
    assert 9_000 < counts[True] < 11_000


def test_the_log_of_requests_is_a_file_of_warm_up_requests(bundle_folder, tmp_path):
    """The format is that of TensorFlow Serving's warm-up files, and so real requests can be replayed."""
    from serving.metrics import Metrics
    from serving.models.servable import Servable, SessionConfig
    from serving.models.warmup import REQUESTS_FILE, warm_up
    from tests.serving.conftest import small_bundle

    with logging(bundle_folder, tmp_path) as server:
        ask(server, {"instances": ["ann"]})
        ask(server, {"signature_name": "similar", "instances": ["m2"]})
    small_bundle(tmp_path / "replayed" / "1")
    (path,) = files_of(tmp_path / "requests")
    path.replace(tmp_path / "replayed" / "1" / "assets.extra" / REQUESTS_FILE)
    servable = Servable("recommender", 1, tmp_path / "replayed" / "1", SessionConfig(), Metrics())
    assert warm_up(servable) == 2
    servable.close()


def test_full_files_are_followed_by_others_and_the_oldest_go(tmp_path):
    files = RecordFiles(tmp_path / "log", max_bytes=100, max_files=3)
    for number in range(10):
        files.write(b"%060d" % number)  # 76 bytes with its frame: the second fills a file
    files.close()
    kept = [[int(record) for record in records_of(path)] for path in files_of(tmp_path / "log")]
    assert kept == [[4, 5], [6, 7], [8, 9]]


def test_servers_that_share_a_prefix_write_files_of_their_own(tmp_path):
    """Of one process number and in one second, as containers that start together are."""
    writers = [RecordFiles(tmp_path / "log", max_bytes=1 << 20, max_files=9) for _ in range(3)]
    for number, files in enumerate(writers):
        files.write(b"%d" % number)
    for files in writers:
        files.close()
    assert sorted(record for path in files_of(tmp_path / "log") for record in records_of(path)) == [b"0", b"1", b"2"]


def test_a_request_that_cannot_be_logged_does_not_end_the_log(bundle_folder, tmp_path, monkeypatch):
    written = record_module.write

    def write(logged, *others):
        if logged.request_id == "odd":
            raise ValueError("no such record")
        return written(logged, *others)

    monkeypatch.setattr(record_module, "write", write)
    with logging(bundle_folder, tmp_path) as server:
        for name in ("odd", "even"):
            assert ask(server, {"instances": ["ann"]}, **{"X-Request-ID": name}).status_code == 200
        wait_for(lambda: logged(tmp_path))
        metrics = httpx.get(f"{server.url}/monitoring/prometheus/metrics", timeout=60).text
    assert "recommender_requests_not_logged_total 1.0" in metrics
    assert [one.request_id for one in logged(tmp_path)] == ["even"]


def test_prefixes_that_begin_alike_are_not_mixed_up(tmp_path):
    for name in ("log", "log-b"):
        files = RecordFiles(tmp_path / name, max_bytes=100, max_files=1)
        files.write(name.encode())
        files.close()
    (path,) = files_of(tmp_path / "log")
    assert list(records_of(path)) == [b"log"]


def test_a_file_that_ends_within_a_record_is_read_as_far_as_it_goes(tmp_path):
    files = RecordFiles(tmp_path / "log", max_bytes=1 << 20, max_files=3)
    for number in range(3):
        files.write(b"record %d" % number)
    files.close()
    (path,) = files_of(tmp_path / "log")
    path.write_bytes(path.read_bytes()[:-4])
    assert list(records_of(path)) == [b"record 0", b"record 1"]


def test_a_log_that_cannot_be_written_fails_no_answer_and_says_so(bundle_folder, tmp_path):
    folder = tmp_path / "logs"
    folder.mkdir()
    with logging(bundle_folder, folder) as server:
        folder.rmdir()
        assert ask(server, {"instances": ["ann"]}).status_code == 200

        def health():
            return httpx.get(f"{server.url}/v1/health/ready", timeout=60).json()

        wait_for(lambda: "notes" in health())
        assert health()["status"] == "SERVING"
        assert health()["notes"][0].startswith("requests cannot be logged: ")
        metrics = httpx.get(f"{server.url}/monitoring/prometheus/metrics", timeout=60).text
        assert "recommender_requests_not_logged_total 1.0" in metrics
        assert "recommender_requests_logged_total 0.0" in metrics
        folder.mkdir()
        wait_for(lambda: ask(server, {"instances": ["ann"]}) and logged(folder))
        assert "notes" not in health()


def config_of(base, logging_config):
    text = (
        f'model_config_list {{ config {{ name: "odd" base_path: "{base}" model_platform: "tensorflow" '
        f"logging_config {{ {logging_config} }} }} }}"
    )
    return models_of(text_format.Parse(text, model_management_pb2.ReloadConfigRequest().config))


def test_a_models_config_says_what_is_logged_of_each_model(tmp_path):
    base = tmp_path / "base"
    base.mkdir()
    publish(save_odd(tmp_path / "odd"), base, 1)
    models = config_of(
        base,
        f'log_collector_config {{ type: "file" filename_prefix: "{tmp_path}/requests" }} '
        "sampling_config { sampling_rate: 1.0 }",
    )
    with running(ServerConfig(models=models, rest_port=0, grpc_port=None)) as server:
        server.url = f"http://127.0.0.1:{server.rest_port}"
        ask(server, {"instances": [1, 2]}, "/v1/models/odd:predict")
        server.models.reload((ModelConfig(name="odd", base_path=base),))  # as HandleReloadConfigRequest does
        ask(server, {"instances": [3]}, "/v1/models/odd:predict")
    (one,) = logged(tmp_path)
    assert one.inputs["x"].tolist() == [1.0, 2.0]
    assert one.outputs["y"].tolist() == [2.0, 4.0]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("sampling_config { sampling_rate: 0.5 }", "an absolute path in a folder that is there"),
        (
            'log_collector_config { type: "kafka" filename_prefix: "/tmp/log" } sampling_config { sampling_rate: 1 }',
            'names the collector "kafka". Expected: "file"',
        ),
        ('log_collector_config { filename_prefix: "/tmp/log" }', "has no sampling_config"),
        (
            'log_collector_config { filename_prefix: "/tmp/log" } sampling_config { sampling_rate: 10 }',
            "a share of 10 of the requests. Expected: 0 to 1",
        ),
    ],
)
def test_a_logging_config_that_cannot_be_followed_is_refused(tmp_path, asked, said):
    with pytest.raises(InvalidRequestError, match="The logging_config of model odd") as refusal:
        config_of(tmp_path, asked)
    assert said in str(refusal.value)


def test_records_are_read_by_tensorflow_alone(bundle_folder, tmp_path):
    """What any other tool does: a TFRecordDataset of PredictionLogs."""
    with logging(bundle_folder, tmp_path) as server:
        ask(server, {"instances": ["ann"]})
    files = [str(path) for path in files_of(tmp_path / "requests")]
    (record,) = tf.data.TFRecordDataset(files).as_numpy_iterator()
    request = prediction_log_pb2.PredictionLog.FromString(record).predict_log.request
    assert json.dumps([value.decode() for value in request.inputs["user_id"].string_val]) == '["ann"]'


@pytest.mark.parametrize("scheme", ["http", "grpc"])
def test_the_client_gives_a_question_its_id(bundle_folder, tmp_path, scheme):
    with logging(bundle_folder, tmp_path) as server:
        port = server.rest_port if scheme == "http" else server.grpc_port
        with RecommenderClient(f"{scheme}://127.0.0.1:{port}") as client:
            (answer,) = client.recommend(["ann"], n=2, request_id="list-1")
    (one,) = logged(tmp_path)
    assert (one.request_id, one.signature) == ("list-1", "recommend")
    assert [item.decode() for item in one.outputs["item_ids"][0]] == [item.id for item in answer.items]
