"""What is written of requests: the access log, failures with their tracebacks, the ids and traces that join them."""

import http.server
import json
import logging
import threading

import grpc
import httpx
import pytest

from serving.calls.batching import BatchingConfig
from serving.models.servable import SessionConfig
from serving.tracing import tracer_of_environment
from tests.serving.asking import PREDICT, address, ask, grpc_request, is_well, predictions, serving, wait_for
from tests.serving.tiny_models import publish, save_odd

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
TRACEPARENT = f"00-{TRACE}-00f067aa0ba902b7-01"
SESSION = SessionConfig(batching=BatchingConfig(num_batch_threads=1))


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    base = tmp_path_factory.mktemp("base")
    publish(save_odd(tmp_path_factory.mktemp("model") / "odd"), base, 1)
    return base


@pytest.fixture
def server(base, tmp_path):
    with serving(base, access_log=tmp_path / "access.log", session=SESSION) as server:
        yield server


@pytest.fixture
def lines(tmp_path):
    """The lines of the access log, as soon as there are so many."""

    def read(count):
        log = tmp_path / "access.log"
        wait_for(lambda: log.exists() and len(log.read_text().splitlines()) >= count)
        return [json.loads(line) for line in log.read_text().splitlines()]

    return read


@pytest.fixture
def broken(server, monkeypatch):
    """The model has a bug."""

    def compute(target, inputs):
        raise RuntimeError("a bug in the model")

    monkeypatch.setattr(server.models.find("odd").batcher, "_compute", compute)


def post(server, path=PREDICT, content=b'{"instances": [1]}', **headers):
    return httpx.post(address(server) + path, content=content, headers=headers, timeout=60)


def test_every_request_is_a_line_of_json(server, lines):
    post(server, **{"X-Request-ID": "mine"})
    post(server, PREDICT.replace(":", "/versions/1:"), b'{"signature_name": "checked", "instances": [-1]}')
    httpx.get(address(server) + "/nothing")
    with predictions(server) as stub:
        stub.Predict(grpc_request(1.0), timeout=60, metadata=[("x-request-id", "over grpc")])
        with pytest.raises(grpc.RpcError):
            stub.Predict(grpc_request(1.0, signature="gone"), timeout=60)
    first, refused, nothing, called, gone = lines(5)
    assert first.pop("milliseconds") > 0
    assert first.pop("time").endswith("+00:00")
    assert first.pop("client").startswith("127.0.0.1:")
    assert first == {
        "request_id": "mine",
        "protocol": "REST",
        "request": f"POST {PREDICT}",
        "code": 200,
        "status": "OK",
        "bytes": len(b'{"predictions":[2.0]}'),
        "model": "odd",
        "version": "1",
        "signature": "serving_default",
    }
    assert (refused["code"], refused["status"], refused["signature"]) == (400, "INVALID_ARGUMENT", "checked")
    assert refused["error"].startswith("assertion failed: [x must not be negative.")
    assert (nothing["code"], nothing["request"]) == (404, "GET /nothing")
    assert (called["request"], called["code"], called["version"]) == ("Predict", 200, "1")
    assert called["client"].startswith("ipv4:127.0.0.1:")
    assert (gone["status"], gone["error"]) == ("FAILED_PRECONDITION", 'Serving signature key "gone" not found.')


def test_a_log_that_is_moved_away_is_begun_anew(server, lines, tmp_path):
    is_well(server)
    lines(1)
    (tmp_path / "access.log").rename(tmp_path / "old.log")
    is_well(server)
    assert len(lines(1)) == 1


def test_without_a_log_nothing_is_written(base, caplog):
    with caplog.at_level(logging.INFO, "serving.calls.call"), serving(base) as server:
        assert is_well(server)
        assert ask(server, "x").status_code == 400
    assert [record for record in caplog.records if record.name == "serving.calls.call"] == []


def test_the_texts_of_errors_begin_with_what_went_wrong(server):
    """TensorFlow puts the names of nodes of the graph in front."""
    refused = post(server, content=b'{"signature_name": "checked", "instances": [-1]}').json()["error"]
    assert refused.startswith("assertion failed: [x must not be negative.")
    assert "{{" not in refused


# Ids.


@pytest.mark.parametrize(
    ("sent", "answered"),
    [
        ({"X-Request-ID": "a-b_c.1/2"}, "a-b_c.1/2"),
        ({"traceparent": TRACEPARENT}, TRACE),
        ({"X-Request-ID": "mine", "traceparent": TRACEPARENT}, "mine"),
    ],
)
def test_the_callers_id_comes_back_and_stands_in_the_log(server, lines, sent, answered):
    answer = post(server, **sent)
    assert answer.headers["x-request-id"] == answered
    assert answer.headers.get("traceparent") == sent.get("traceparent")
    (line,) = lines(1)
    assert (line["request_id"], line.get("traceparent")) == (answered, sent.get("traceparent"))


@pytest.mark.parametrize(
    "sent",
    [
        {},
        {"X-Request-ID": "x" * 129},
        {"X-Request-ID": "two words"},
        {"traceparent": "nonsense"},
        {"traceparent": f"00-{'0' * 32}-00f067aa0ba902b7-01"},
    ],
)
def test_a_request_without_a_good_id_gets_one_of_its_own(server, sent):
    ids = {post(server, **sent).headers["x-request-id"] for _ in range(3)}
    assert len(ids) == 3
    assert not ids & set(sent.values())


def test_ids_travel_over_grpc(server, lines):
    with predictions(server) as stub:
        _, call = stub.Predict.with_call(grpc_request(1.0), timeout=60, metadata=[("x-request-id", "mine")])
        assert dict(call.trailing_metadata())["x-request-id"] == "mine"
        with pytest.raises(grpc.RpcError) as error:
            stub.Predict(grpc_request(1.0, signature="gone"), timeout=60, metadata=[("traceparent", TRACEPARENT)])
        assert dict(error.value.trailing_metadata())["x-request-id"] == TRACE
    assert [line["request_id"] for line in lines(2)] == ["mine", TRACE]


# Failures.


@pytest.mark.parametrize("api", ["REST", "gRPC"])
def test_a_failure_is_logged_once_with_its_traceback_and_its_id_and_counted(server, broken, caplog, api):
    with caplog.at_level(logging.WARNING):
        if api == "REST":
            answer = post(server, **{"X-Request-ID": "mine"})
            assert (answer.status_code, answer.json()) == (500, {"error": "RuntimeError: a bug in the model"})
        else:
            with predictions(server) as stub, pytest.raises(grpc.RpcError) as error:
                stub.Predict(grpc_request(1.0), timeout=60, metadata=[("x-request-id", "mine")])
            assert error.value.code() is grpc.StatusCode.INTERNAL
    wait_for(lambda: caplog.records)
    (record,) = caplog.records
    assert record.getMessage().startswith("request mine: ")
    assert "500 INTERNAL: RuntimeError: a bug in the model" in record.getMessage()
    assert "in compute" in caplog.text  # the traceback
    page = httpx.get(f"{address(server)}/monitoring/prometheus/metrics").text
    counted = [line for line in page.splitlines() if "request_count{" in line]
    assert len(counted) == 1
    assert 'status="INTERNAL"' in counted[0]


@pytest.mark.parametrize("where", ["predict", "status", "metrics", "website"])
def test_a_bug_anywhere_is_answered_as_json_and_the_connection_is_kept(server, monkeypatch, caplog, where):
    def bug(*arguments, **options):
        raise KeyError("a bug of ours")

    app = server._rest._app
    paths = {
        "predict": PREDICT,
        "status": "/v1/models/odd",
        "metrics": "/monitoring/prometheus/metrics",
        "website": "/catalogue.json",
    }
    monkeypatch.setattr(app._models, {"predict": "find", "status": "status"}.get(where, "latest"), bug)
    if where == "metrics":
        monkeypatch.setattr(app._metrics, "page", bug)
    with httpx.Client(base_url=address(server), timeout=60) as client:
        method = "POST" if where == "predict" else "GET"
        for _ in range(2):
            answer = client.request(method, paths[where], content=b'{"instances": [1]}' if method == "POST" else None)
            assert answer.status_code == 500
            assert answer.json() == {"error": "KeyError: 'a bug of ours'"}
            assert "connection" not in answer.headers
    wait_for(lambda: caplog.text.count("in bug") == 2)


def test_a_server_that_is_late_is_logged_in_one_line(base, caplog):
    from serving.rest.app import RestConfig
    from tests.serving.asking import Gate

    with serving(base, rest=RestConfig(timeout_seconds=0.2), session=SESSION) as server, Gate(server) as gate:
        assert post(server, **{"X-Request-ID": "mine"}).status_code == 504
        gate.let(10)
    (record,) = [record for record in caplog.records if record.name == "serving.calls.call"]
    assert record.getMessage().startswith(f"request mine: POST {PREDICT}: 504 DEADLINE_EXCEEDED")
    assert record.exc_info is None


# Traces.


@pytest.fixture
def collector():
    """Takes spans as a collector does; yields its address and what has come."""
    received = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            received.append((self.path, self.headers, json.loads(body)))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *arguments):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", received
    server.shutdown()


def test_spans_of_requests_are_sent_to_the_collector(base, collector, monkeypatch):
    pytest.importorskip("opentelemetry.sdk")
    url, received = collector
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer me, x-team=films")
    with serving(base, session=SESSION) as server:
        post(server, traceparent=TRACEPARENT)
        post(server, content=b"{}")
        with predictions(server) as stub:
            stub.Predict(grpc_request(1.0), timeout=60)
    path, headers, document = received[0]  # the end of the server sends what is left
    assert (path, headers["authorization"], headers["x-team"]) == ("/v1/traces", "Bearer me", "films")
    (resource,) = document["resourceSpans"]
    assert {"key": "service.name", "value": {"stringValue": "recommender"}} in resource["resource"]["attributes"]
    first, refused, called = resource["scopeSpans"][0]["spans"]
    assert (first["traceId"], first["parentSpanId"], first["name"]) == (TRACE, "00f067aa0ba902b7", "REST predict")
    assert first["kind"] == 2  # SPAN_KIND_SERVER
    assert int(first["endTimeUnixNano"]) > int(first["startTimeUnixNano"])
    attributes = {one["key"]: one["value"] for one in refused["attributes"]}
    assert attributes["http.response.status_code"] == {"intValue": "400"}
    assert refused["traceId"] != TRACE
    assert called["name"] == "GRPC Predict"


def test_without_an_endpoint_or_the_sdk_there_are_no_traces(monkeypatch, caplog):
    assert tracer_of_environment({}) is None
    assert tracer_of_environment({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://x", "OTEL_SDK_DISABLED": "true"}) is None
    monkeypatch.setitem(__import__("sys").modules, "opentelemetry.sdk.resources", None)
    assert tracer_of_environment({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}) is None
    assert "Install tfx-recommenders[tracing]" in caplog.text
