"""How much work a request may cause, and how it is shared out: small requests that ask for much, and long ones."""

import json
import signal
import socket
import subprocess
import sys
import threading

import grpc
import httpx
import numpy as np
import psutil
import pytest
import tensorflow as tf

from serving.calls.batching import BatchingConfig
from serving.client import NO_RETRIES, RecommenderClient, Retries
from serving.errors import UnavailableError
from serving.model import LoadedBundle
from serving.models.config import ModelConfig
from serving.models.servable import SessionConfig
from serving.rest.app import RestConfig
from serving.rest.json_values import MAX_VALUES
from serving.server import ServerConfig, running
from tests.serving.asking import (
    PREDICT,
    Gate,
    address,
    ask,
    connected,
    grpc_request,
    in_thread,
    is_well,
    post,
    predictions,
    serving,
    wait_for,
)
from tests.serving.client.scripted_servers import free_port
from tests.serving.tiny_models import publish, save_odd

MAX_ROWS = 1000
SESSION = SessionConfig(
    batching=BatchingConfig(max_batch_size=50, max_enqueued_batches=4, num_batch_threads=1, max_long_rows=1500),
    max_rows=MAX_ROWS,
)


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    base = tmp_path_factory.mktemp("base")
    publish(save_odd(tmp_path_factory.mktemp("model") / "odd"), base, 1)
    return base


@pytest.fixture(scope="module")
def server(base):
    with serving(base, session=SESSION) as server:
        yield server


def refusal(call, request, **options):
    with pytest.raises(grpc.RpcError) as error:
        call(request, timeout=60, **options)
    return error.value


# Too much.


def test_a_few_bytes_that_stand_for_a_million_rows_are_refused(server):
    """TensorFlow repeats the last value where a tensor has fewer values than its shape."""
    request = grpc_request(1.0, shape=(1_000_000,))
    assert len(request.SerializeToString()) < 50
    with predictions(server) as stub, Gate(server) as gate:
        error = refusal(stub.Predict, request)
        assert gate.sizes == []
    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert "1 values for a shape of 1000000 elements" in error.details()
    assert dict(error.trailing_metadata())["grpc-retry-pushback-ms"] == "-1"  # the same question is never answered


@pytest.mark.parametrize("shape", [None, (MAX_ROWS + 1,)], ids=["sent", "filled"])
def test_more_rows_than_a_request_may_have_are_refused_over_grpc(server, shape):
    request = grpc_request(*[1.0] * (1 if shape else MAX_ROWS + 1), shape=shape)
    with predictions(server) as stub:
        error = refusal(stub.Predict, request)
        assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert "Input x has 1001 rows, and this server takes 1000 a request (--max-rows)" in error.details()
        answer = stub.Predict(grpc_request(3.0, shape=(MAX_ROWS,)), timeout=60)
    assert list(answer.outputs["y"].float_val) == [6.0] * MAX_ROWS


@pytest.mark.parametrize("scheme", ["http", "grpc"])
def test_our_client_does_not_repeat_a_question_that_is_too_large(server, scheme):
    def counted():
        text = httpx.get(f"{address(server)}/monitoring/prometheus/metrics", timeout=60).text
        counts = [line for line in text.splitlines() if line.startswith(":tensorflow:serving:request_count{")]
        return sum(float(line.split()[-1]) for line in counts if 'status="RESOURCE_EXHAUSTED"' in line)

    before = counted()
    where = address(server) if scheme == "http" else f"grpc://127.0.0.1:{server.grpc_port}"
    with (
        RecommenderClient(where, model="odd", retries=Retries(first_pause_seconds=0.01)) as client,
        pytest.raises(UnavailableError, match="1001 rows") as error,
    ):
        client.predict("serving_default", {"x": [1.0] * (MAX_ROWS + 1)})
    assert error.value.retry_seconds is None
    assert counted() - before == 1


@pytest.mark.parametrize("key", ["instances", "inputs"])
@pytest.mark.parametrize("signature", ["serving_default", "total"], ids=["row by row", "not row by row"])
def test_more_rows_than_a_request_may_have_are_refused_over_rest(server, key, signature):
    def asked(rows):
        question = {key: [1.0] * rows, "signature_name": signature}
        return httpx.post(address(server) + PREDICT, json=question, timeout=60)

    refused = asked(MAX_ROWS + 1)
    assert refused.status_code == 429
    assert "Input x has 1001 rows" in refused.json()["error"]
    assert "retry-after" not in refused.headers
    assert (asked(MAX_ROWS).status_code == 200) is (signature == "serving_default" or key == "inputs")


def test_more_values_than_a_request_may_have_are_refused_before_they_are_made(server):
    body = b'{"instances": [' + b'"",' * MAX_VALUES + b'""]}'
    refused = httpx.post(address(server) + PREDICT, content=body, timeout=60)
    assert refused.status_code == 429
    assert f"more than {MAX_VALUES} values" in refused.json()["error"]
    assert is_well(server)


# Long calls.


def long_question(rows=500):
    return post(json.dumps({"instances": [1.0] * rows}).encode())


def test_a_long_call_is_answered_right(server):
    values = list(range(MAX_ROWS))
    assert ask(server, *values).json() == {"predictions": [2.0 * value for value in values]}


def test_others_are_answered_between_the_blocks_of_a_long_call(server):
    with Gate(server) as gate, in_thread(ask, server, *[1.0] * 500) as long:
        gate.wait()
        with in_thread(ask, server, 3.0) as short:
            wait_for(lambda: server.models.find("odd").batcher.queued_rows > 500)
            gate.let(2)  # the block that runs and the short call
        assert short[0].json() == {"predictions": [6.0]}
        assert long == []
        gate.let(1000)
    assert long[0].json() == {"predictions": [2.0] * 500}


@pytest.mark.parametrize("how", ["closed", "reset"])
def test_a_long_call_whose_client_has_gone_is_given_up(server, how):
    with Gate(server) as gate:
        with connected(server) as client:
            client.sendall(long_question())
            gate.wait()
            if how == "reset":
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        wait_for(lambda: server._rest._app._answering._predictor._waiting == set())
        gate.let(10)
        wait_for(lambda: not server.models.find("odd").batcher.queued_rows)
        assert gate.sizes == [32]
    assert is_well(server)


def test_a_long_call_that_is_cancelled_over_grpc_is_given_up(server):
    with Gate(server) as gate, predictions(server) as stub:
        call = stub.Predict.future(grpc_request(1.0, shape=(500,)), timeout=60)
        gate.wait()
        call.cancel()
        wait_for(lambda: server._grpc._handlers._answering._predictor._waiting == set())
        gate.let(10)
        wait_for(lambda: not server.models.find("odd").batcher.queued_rows)
        assert gate.sizes == [32]


def test_a_long_call_past_its_deadline_is_given_up(base):
    rest = RestConfig(timeout_seconds=1.0)
    with serving(base, session=SESSION, rest=rest) as server, Gate(server) as gate, predictions(server) as stub:
        late = ask(server, *[1.0] * 500)
        assert late.status_code == 504
        error = refusal_in(stub, 0.5)
        assert error.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        gate.let(10)
        wait_for(lambda: not server.models.find("odd").batcher.queued_rows)
        assert gate.sizes == [32]  # of the first; the second had not begun


def refusal_in(stub, seconds):
    with pytest.raises(grpc.RpcError) as error:
        stub.Predict(grpc_request(1.0, shape=(500,)), timeout=seconds)
    return error.value


def test_long_calls_that_are_too_many_are_refused_and_told_when_to_ask_again(server):
    with Gate(server) as gate, predictions(server) as stub, in_thread(ask, server, *[1.0] * 900) as first:
        gate.wait()
        refused = ask(server, *[1.0] * 601)
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
        assert "Requests with 900 rows are being answered" in refused.json()["error"]
        error = refusal(stub.Predict, grpc_request(1.0, shape=(601,)))
        assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        told = dict(error.trailing_metadata())
        assert (told["retry-after"], told["grpc-retry-pushback-ms"]) == ("1", "1000")
        where = f"grpc://127.0.0.1:{server.grpc_port}"
        for url in (address(server), where):
            with RecommenderClient(url, model="odd", retries=NO_RETRIES) as client:
                with pytest.raises(UnavailableError) as later:
                    client.predict("serving_default", {"x": [1.0] * 601})
                assert later.value.retry_seconds == 1
        gate.let(1000)
    assert first[0].status_code == 200


def test_a_full_queue_says_when_to_ask_again(server):
    with Gate(server) as gate:
        threads = [threading.Thread(target=ask, args=(server, *[1.0] * 50)) for _ in range(5)]
        for thread in threads:
            thread.start()
        wait_for(lambda: server.models.find("odd").batcher.queued_rows == 200)  # and 50 are being computed
        refused = ask(server, 1.0)
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
        gate.let(100)
        for thread in threads:
            thread.join()


def test_recommendations_of_different_lengths_are_the_same_in_blocks(bundle_folder):
    """The blocks of a call of `recommend` are each as wide as their own largest n."""
    count = 70
    inputs = {
        "user_id": [["ann", "bob", "cy", "stranger"][row % 4] for row in range(count)],
        "history_item_ids": [[]] * count,
        "history_ratings": [[]] * count,
        "exclude_item_ids": [[]] * count,
        "allow_item_ids": [[]] * count,
        "filters": [[]] * count,
        "user_features": [[]] * count,
        "context": [[]] * count,
        "n": [2] * 40 + [5] * 30,
    }
    texts = {name: np.array(value, object) for name, value in inputs.items()}
    lists = ("history_item_ids", "exclude_item_ids", "allow_item_ids", "filters", "user_features", "context")
    arrays = {name: texts[name].reshape(count, -1) for name in lists}
    arrays |= {"user_id": texts["user_id"], "n": np.array(inputs["n"], np.int32)}
    arrays["history_ratings"] = np.zeros((count, 0), np.float32)
    direct = tf.saved_model.load(str(bundle_folder / "7")).signatures["recommend"]
    expected = {k: v.numpy() for k, v in direct(**{k: tf.constant(v) for k, v in tensors(arrays).items()}).items()}
    session = SessionConfig(batching=BatchingConfig(max_batch_size=50))
    config = ServerConfig(
        models=(ModelConfig(name="recommender", base_path=bundle_folder),), rest_port=0, grpc_port=None, session=session
    )
    with running(config) as server:
        url = f"{address(server)}/v1/models/recommender:predict"
        answer = httpx.post(url, json={"signature_name": "recommend", "inputs": inputs}, timeout=60)
    outputs = answer.json()["outputs"]
    assert outputs["item_ids"] == [[text.decode() for text in row] for row in expected["item_ids"]]
    assert outputs["count"] == expected["count"].tolist()
    np.testing.assert_allclose(outputs["scores"], expected["scores"], rtol=1e-6)
    assert LoadedBundle(bundle_folder / "7").recommend(["ann"])[0].items  # the bundle is a real one


def tensors(arrays):
    return {
        name: value if value.dtype != object else np.array(value.tolist() or [], "S8").reshape(value.shape)
        for name, value in arrays.items()
    }


# The end.


class Spinning(tf.Module):
    """Counts up to its input, one step at a time: a call that lasts as long as one likes."""

    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, name="x")])
    def spin(self, x):
        end = tf.cast(x[0], tf.int64)
        count = tf.while_loop(lambda i: i < end, lambda i: [i + 1], [tf.constant(0, tf.int64)])[0]
        return {"y": x + tf.cast(count, tf.float32)}


def test_sigterm_ends_a_server_whose_model_computes_for_ever(tmp_path):
    module = Spinning()
    tf.saved_model.save(module, str(tmp_path / "base" / "1"), signatures={"serving_default": module.spin})
    port = free_port()
    command = [sys.executable, "-c", "from pipelines.cli.main import main; main()", "serve", "--port=0"]
    command += [f"--model_base_path={tmp_path / 'base'}", "--model-name=odd", f"--rest_api_port={port}"]
    with subprocess.Popen(
        [*command, "--drain-seconds=1"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            while not process.stdout.readline().startswith("page"):
                assert process.poll() is None
            url = f"http://127.0.0.1:{port}{PREDICT}"
            assert httpx.post(url, json={"instances": [3]}, timeout=60).json() == {"predictions": [6.0]}
            with socket.create_connection(("127.0.0.1", port)) as client:
                client.sendall(post(b'{"instances": [1e18]}'))
                spent = psutil.Process(process.pid).cpu_times().user
                wait_for(lambda: psutil.Process(process.pid).cpu_times().user > spent + 1)  # it computes
                process.send_signal(signal.SIGTERM)
                said = b""
                while part := client.recv(4096):
                    said += part
            _, log = process.communicate(timeout=300)
        finally:
            process.kill()
    assert process.returncode == 0, log
    assert said.startswith(b"HTTP/1.1 503 ")
    assert b"The server ends before this request could be answered" in said
    assert "still runs; the process ends without it" in log
