"""What a server bears: slow, vanished and greedy clients, a busy model, its own end."""

import contextlib
import dataclasses
import socket
import threading
import time

import grpc
import httpx
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

from serving.calls.batching import BatchingConfig
from serving.models.config import ModelConfig
from serving.models.servable import SessionConfig
from serving.rest.app import RestConfig
from serving.rpc.service import GrpcConfig
from serving.server import ServerConfig, running
from tests.serving.tiny_models import publish, save_odd

LIMIT = 1 << 16


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    base = tmp_path_factory.mktemp("base")
    publish(save_odd(tmp_path_factory.mktemp("model") / "odd"), base, 1)
    return base


def config_of(base, **options):
    default = ServerConfig(
        models=(ModelConfig(name="odd", base_path=base),),
        rest_port=0,
        grpc_port=0,
        rest=RestConfig(timeout_seconds=1.0, max_request_bytes=LIMIT),
        grpc=GrpcConfig(max_request_bytes=LIMIT),
        session=SessionConfig(batching=BatchingConfig(max_batch_size=4, max_enqueued_batches=2, num_batch_threads=1)),
    )
    return dataclasses.replace(default, **options)


@pytest.fixture(scope="module")
def server(base):
    with running(config_of(base)) as server:
        yield server


@contextlib.contextmanager
def held(server):
    """Keeps the model from computing; yields a function that lets it go on."""
    batcher = server.models.find("odd").batcher
    compute, free, entered = batcher._compute, threading.Event(), threading.Event()

    def wait(target, inputs):
        entered.set()
        free.wait(20)
        return compute(target, inputs)

    batcher._compute = wait
    first = threading.Thread(target=lambda: ask(server, 0))
    first.start()
    assert entered.wait(10)
    try:
        yield free.set
    finally:
        free.set()
        batcher._compute = compute
        first.join()
        while batcher.queued_rows:
            time.sleep(0.01)


def url(server, address=":predict"):
    return f"http://127.0.0.1:{server.rest_port}/v1/models/odd{address}"


def ask(server, *values, signature="serving_default"):
    question = {"instances": [float(value) for value in values], "signature_name": signature}
    return httpx.post(url(server), json=question, timeout=20)


def is_well(server):
    return ask(server, 4).json() == {"predictions": [8.0]}


def grpc_request(*values, signature=""):
    request = predict_pb2.PredictRequest()
    request.model_spec.name = "odd"
    request.model_spec.signature_name = signature
    request.inputs["x"].dtype = 1
    request.inputs["x"].tensor_shape.dim.add(size=len(values))
    request.inputs["x"].float_val.extend(values)
    return request


@pytest.fixture
def stub(server):
    with grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}") as channel:
        yield prediction_service_pb2_grpc.PredictionServiceStub(channel)


def connected(server):
    return socket.create_connection(("127.0.0.1", server.rest_port), timeout=20)


def test_the_models_refusal_of_one_row_reaches_its_own_request_alone(server):
    with held(server) as free:
        answers = {}
        threads = [
            threading.Thread(
                target=lambda value=value: answers.update({value: ask(server, value, signature="checked")})
            )
            for value in (4, -1, 9)
        ]
        for thread in threads:
            thread.start()
        while server.models.find("odd").batcher.queued_rows < 3:
            time.sleep(0.01)
        free()
        for thread in threads:
            thread.join()
    assert {value: answer.status_code for value, answer in answers.items()} == {4: 200, -1: 400, 9: 200}
    assert answers[9].json() == {"predictions": [3.0]}
    assert "x must not be negative" in answers[-1].json()["error"]


def test_a_full_queue_answers_unavailable_at_once(server, stub):
    with held(server):
        threads = [threading.Thread(target=lambda: ask(server, 1, 2, 3, 4)) for _ in range(2)]
        for thread in threads:
            thread.start()
        while server.models.find("odd").batcher.queued_rows < 8:
            time.sleep(0.01)
        refused = ask(server, 1)
        assert refused.status_code == 503
        assert refused.json()["error"] == "The batch scheduling queue to which this task was submitted is full"
        with pytest.raises(grpc.RpcError) as error:
            stub.Predict(grpc_request(1.0), timeout=5)
        assert error.value.code() is grpc.StatusCode.UNAVAILABLE
    for thread in threads:
        thread.join()
    assert is_well(server)


def test_a_model_that_takes_too_long_is_answered_for_when_the_time_is_over(server, stub):
    with held(server):
        started = time.monotonic()
        late = ask(server, 1)
        assert late.status_code == 504
        assert time.monotonic() - started > 0.9
        with pytest.raises(grpc.RpcError) as error:
            stub.Predict(grpc_request(1.0), timeout=0.3)
        assert error.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert is_well(server)


def test_cancelled_calls_are_not_computed_and_hold_nobody_up(server, stub):
    """The worker of a batch must not stumble over a caller who has gone."""
    batcher = server.models.find("odd").batcher
    with held(server) as free:
        calls = [stub.Predict.future(grpc_request(1.0), timeout=10) for _ in range(3)]
        kept = stub.Predict.future(grpc_request(5.0), timeout=10)
        while batcher.queued_rows < 4:
            time.sleep(0.01)
        for call in calls:
            call.cancel()
        time.sleep(0.2)
        waiting = [task for group in batcher._groups.values() for task in group]
        assert [task.abandoned for task in waiting].count(True) == 3
        free()
        assert list(kept.result().outputs["y"].float_val) == [10.0]
    assert is_well(server)


def test_clients_that_vanish_leave_the_others_alone(server):
    body = b'{"instances": [1]}'
    head = b"POST /v1/models/odd:predict HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body)
    for sent in (head, head + body[:5], head + body):
        with connected(server) as client:
            client.sendall(sent)
    assert is_well(server)


def test_a_slow_client_is_told_so_and_an_idle_connection_ends(server):
    head = b"POST /v1/models/odd:predict HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n"
    for sent in (b"POST /v1/mod", head, head + b'{"instances'):
        with connected(server) as client:
            client.sendall(sent)
            assert client.recv(1000).startswith(b"HTTP/1.1 408 ")
            assert client.recv(1000) == b""
    with connected(server) as client:
        assert client.recv(1000) == b""
    assert is_well(server)


def test_a_client_that_does_not_read_its_answer_is_cut_off(base):
    rows = 1 << 20
    batching = BatchingConfig(max_batch_size=rows)
    session = SessionConfig(batching=batching, max_rows=rows)
    large = config_of(base, rest=RestConfig(timeout_seconds=1.0), session=session)
    values = b",".join(b"%d" % number for number in range(rows))
    body = b'{"instances": [' + values + b"]}"
    with running(large) as server, socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(("127.0.0.1", server.rest_port))
        client.settimeout(60)
        client.sendall(
            b"POST /v1/models/odd:predict HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body) + body
        )
        connections = server._rest._server.server_state.connections
        while not connections:
            time.sleep(0.01)
        while connections:  # for ever, if it is not cut off
            time.sleep(0.05)
        assert is_well(server)


@pytest.mark.parametrize("how", ["length", "chunks", "expect"])
def test_a_large_body_is_refused_with_413_and_a_text(server, how):
    path = b"POST /v1/models/odd:predict HTTP/1.1\r\nHost: x\r\n"
    with connected(server) as client:
        if how == "expect":
            client.sendall(path + b"Expect: 100-continue\r\nContent-Length: 50000000\r\n\r\n")
        elif how == "length":
            client.sendall(path + b"Content-Length: 50000000\r\n\r\n" + b" " * 50_000_000)
        else:
            client.sendall(path + b"Transfer-Encoding: chunked\r\n\r\n")
            for _ in range(30):
                client.sendall(b"8000\r\n" + b" " * 0x8000 + b"\r\n")
            client.sendall(b"0\r\n\r\n")
        answer = b""
        while part := client.recv(1000):
            answer += part
        assert answer.startswith(b"HTTP/1.1 413 ")
        assert b"this server takes" in answer  # 65536, or no more
    assert is_well(server)


def test_a_large_message_is_refused_over_grpc(server, stub):
    with pytest.raises(grpc.RpcError) as error:
        stub.Predict(grpc_request(*[1.0] * LIMIT), timeout=5)
    assert error.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert is_well(server)


def test_endless_headers_are_refused(server):
    with connected(server) as client:
        with contextlib.suppress(OSError):
            client.sendall(b"GET /v1/models/odd HTTP/1.1\r\n")
            for number in range(400):
                client.sendall(b"x-%d: " % number + b"y" * 1000 + b"\r\n")
        with contextlib.suppress(ConnectionError):
            assert client.recv(1000).startswith(b"HTTP/1.1 431 ")
    assert is_well(server)


def test_the_end_of_a_server_answers_what_is_there_and_takes_nothing_new(base):
    with running(config_of(base, rest=RestConfig())) as server:
        with grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}") as channel:
            health = health_pb2_grpc.HealthStub(channel)
            assert health.Check(health_pb2.HealthCheckRequest(), timeout=5).status == 1
            answers = []
            with held(server) as free:
                asking = threading.Thread(target=lambda: answers.append(ask(server, 5)))
                asking.start()
                call = prediction_service_pb2_grpc.PredictionServiceStub(channel).Predict.future(
                    grpc_request(6.0), timeout=20
                )
                while server.models.find("odd").batcher.queued_rows < 2:
                    time.sleep(0.01)
                stopping = threading.Thread(target=server.stop)
                stopping.start()
                until = time.monotonic() + 10
                while time.monotonic() < until:
                    try:
                        connected(server).close()
                    except OSError:
                        break
                    time.sleep(0.02)
                free()
                asking.join()
                assert list(call.result().outputs["y"].float_val) == [12.0]
                stopping.join(timeout=20)
                assert not stopping.is_alive()
        assert answers[0].json() == {"predictions": [10.0]}
        assert answers[0].headers["connection"] == "close"


@pytest.mark.parametrize("header", [None, "Bearer wrong", "Basic right", "Bearer"])
def test_a_token_is_asked_for_over_rest_and_grpc(base, header, tmp_path):
    headers = {} if header is None else {"Authorization": header}
    metadata = [] if header is None else [("authorization", header)]
    tokens = tmp_path / "tokens"
    tokens.write_text("other\nright\n")
    with running(config_of(base, token_file=tokens)) as server:
        for address, method in ((":predict", "POST"), ("", "GET"), ("/metadata", "GET")):
            answer = httpx.request(method, url(server, address), headers=headers)
            assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
        assert httpx.get(f"http://127.0.0.1:{server.rest_port}/monitoring/prometheus/metrics").status_code == 401
        right = {"Authorization": "bearer right"}
        assert httpx.post(url(server), json={"instances": [1]}, headers=right).status_code == 200
        with grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}") as channel:
            stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
            with pytest.raises(grpc.RpcError) as error:
                stub.Predict(grpc_request(1.0), timeout=5, metadata=metadata)
            assert error.value.code() is grpc.StatusCode.UNAUTHENTICATED
            assert stub.Predict(grpc_request(1.0), timeout=5, metadata=[("authorization", "Bearer right")])
            health = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=5)
            assert health.status == health_pb2.HealthCheckResponse.SERVING
