"""Servers of the tiny model and questions for them, over raw sockets where a client would not send them."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import socket
import threading
import time

import grpc
import httpx
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

from serving.models.config import ModelConfig
from serving.server import ServerConfig, running

PREDICT = "/v1/models/odd:predict"
QUESTION = b'{"instances": [1]}'
ANSWER = {"predictions": [2.0]}


def serving(base, **options):
    """A server of the model `odd` on free ports, in this process."""
    default = ServerConfig(models=(ModelConfig(name="odd", base_path=base),), rest_port=0, grpc_port=0)
    return running(dataclasses.replace(default, **options))


def address(server):
    return f"http://127.0.0.1:{server.rest_port}"


def ask(server, *values, timeout=60, **options):
    """Asks for the doubles of the values."""
    return httpx.post(address(server) + PREDICT, json={"instances": list(values)}, timeout=timeout, **options)


def is_well(server):
    return ask(server, 4).json() == {"predictions": [8.0]}


def grpc_request(*values, shape=None, signature=""):
    """A PredictRequest of `odd`; with a shape it may bring fewer values than that has."""
    request = predict_pb2.PredictRequest()
    request.model_spec.name = "odd"
    request.model_spec.signature_name = signature
    request.inputs["x"].dtype = 1
    for size in shape or (len(values),):
        request.inputs["x"].tensor_shape.dim.add(size=size)
    request.inputs["x"].float_val.extend(values)
    return request


@contextlib.contextmanager
def predictions(server):
    """A stub of PredictionService."""
    with grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}") as channel:
        yield prediction_service_pb2_grpc.PredictionServiceStub(channel)


def post(body=QUESTION, *headers, path=PREDICT, version="1.1", host=True):
    """The bytes of a request."""
    lines = [f"POST {path} HTTP/{version}", *(["Host: x"] if host else []), *headers, f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode() + body


def connected(server):
    return socket.create_connection(("127.0.0.1", server.rest_port), timeout=60)


class Answers:
    """Reads the answers that come over a connection, one by one."""

    def __init__(self, connection):
        self._file = connection.makefile("rb")

    def next(self):
        """Status, headers in small letters, and body; None at the end of the connection. Skips 1xx."""
        while True:
            line = self._file.readline()
            if not line:
                return None
            status = int(line.split()[1])
            headers = {}
            while (line := self._file.readline().strip()) != b"":
                name, _, value = line.decode().partition(":")
                headers[name.lower()] = value.strip()
            if status >= 200:
                return status, headers, self._file.read(int(headers.get("content-length", 0)))

    def rest(self):
        """Statuses and JSON bodies of all answers until the server closes the connection."""
        return [(status, json.loads(body)) for status, _, body in iter(self.next, None)]


def conversation(server, sent, half_close=True):
    """All that a server answers to these bytes."""
    with connected(server) as connection:
        with contextlib.suppress(OSError):  # it may close before it has read all
            connection.sendall(sent)
            if half_close:
                connection.shutdown(socket.SHUT_WR)
        return Answers(connection).rest()


class Gate:
    """Holds up the calls of a server's model and lets them through one by one.

    Attributes:
      sizes: Rows of the calls that have begun.
    """

    def __init__(self, server):
        self._batcher = server.models.find("odd").batcher
        self._compute = self._batcher._compute
        self._entered, self._turns = threading.Semaphore(0), threading.Semaphore(0)
        self.sizes = []

    def __enter__(self):
        self._batcher._compute = self._held
        return self

    def __exit__(self, *details):
        self._batcher._compute = self._compute
        self.let(100_000)
        wait_for(lambda: not self._batcher.queued_rows)

    def _held(self, target, inputs):
        self.sizes.append(len(inputs[0]))
        self._entered.release()
        assert self._turns.acquire(timeout=300)
        return self._compute(target, inputs)

    def wait(self, calls=1):
        """Waits until so many more calls have begun."""
        for _ in range(calls):
            assert self._entered.acquire(timeout=300)

    def let(self, calls=1):
        """Lets so many calls through."""
        self._turns.release(calls)


def wait_for(condition):
    """Waits until it holds; for ever, which pytest's own limit ends."""
    while not condition():
        time.sleep(0.01)


@contextlib.contextmanager
def in_thread(work, *arguments):
    """Runs it beside the test; yields a list that holds its result when it has ended; the block's end waits for it."""
    results = []
    thread = threading.Thread(target=lambda: results.append(work(*arguments)), daemon=True)
    thread.start()
    yield results
    thread.join()
