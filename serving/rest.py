"""TensorFlow Serving's REST API as an ASGI application.

Addresses, methods, status codes and texts are those of http_rest_api_handler.cc and http_server.cc.
Everything outside `/v1/` that is not the website's or the metrics' is answered with 404.

A predict request is read and checked on the event loop, waits in the batcher's queue, and its answer
is written on the event loop. What is large enough to hold up the others goes to a thread instead.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import dataclasses
import re
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeVar
from urllib.parse import unquote_to_bytes

from serving.access import Access
from serving.async_predicting import AsyncPredictor
from serving.batching import Array, ClosedError
from serving.errors import (
    InvalidRequestError,
    NotFoundError,
    Status,
    StatusError,
    UnavailableError,
)
from serving.example_requests import classification_json, classify, input_from_json, regress, regression_json
from serving.json_answers import columns_answer, rows_answer
from serving.json_requests import JsonRequest, read_request
from serving.json_values import dumps
from serving.metrics import Histogram, Metrics
from serving.model_info import metadata_json, status_json
from serving.servable import Servable, Target
from serving.versions import Models
from serving.website import Website

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]
Result = TypeVar("Result")

JSON = (b"content-type", b"application/json")
CORS = [
    (b"access-control-allow-origin", b"*"),
    (b"access-control-allow-methods", b"POST, GET"),
    (b"access-control-allow-headers", b"Content-Type"),
]
LARGE_BODY_BYTES = 128 << 10
"""Requests and answers from this size on are read and written in a thread: about a millisecond's work."""
LARGE_ANSWER_VALUES = 20_000
KNOWN_ADDRESSES = 4096
MAX_DISCARDED_BYTES = 256 << 20
"""How much of a body that is too large is read before its sender is told so."""

_VERSION = r"(?:/versions/(\d+)|/labels/([^/:]+))?"
_ASK = re.compile(rf"/v1/models/([^/:]+){_VERSION}:(classify|regress|predict)", re.IGNORECASE | re.ASCII)
_LOOK = re.compile(rf"/v1/models(?:/([^/:]+))?{_VERSION}(?:/(metadata))?", re.IGNORECASE | re.ASCII)
_API = re.compile(r"/v1/.*", re.IGNORECASE | re.ASCII)


@dataclasses.dataclass(frozen=True, kw_only=True)
class RestConfig:
    """How requests are answered.

    Attributes:
      timeout_seconds: Most time from a request to its answer.
      max_request_bytes: Largest body.
      max_bytes_in_flight: Bodies of all requests together.
      cors: Whether browsers of other origins may ask.
      metrics_path: Address of the metrics; "" = none.
    """

    timeout_seconds: float = 30.0
    max_request_bytes: int = 16 << 20
    max_bytes_in_flight: int = 256 << 20
    cors: bool = False
    metrics_path: str = "/monitoring/prometheus/metrics"


@dataclasses.dataclass(frozen=True)
class Address:
    """What a path and a method ask for.

    Attributes:
      action: predict, classify, regress, metadata or status.
      name: The model; "" = none is named.
      version: Its number, if one is named.
      label: Its label, if one is named.
    """

    action: str
    name: str
    version: int | None
    label: str | None


@dataclasses.dataclass(frozen=True)
class Response:
    """An answer; with `close` the connection ends after it."""

    status: int
    body: bytes
    content_type: tuple[bytes, bytes] | None = JSON
    headers: tuple[tuple[bytes, bytes], ...] = ()


class RestApp:
    """The ASGI application.

    Args:
      models: What is served.
      config: Limits.
      metrics: Where requests are counted.
      access: Who may ask.
      website: Answers its own addresses.
    """

    def __init__(
        self, models: Models, config: RestConfig, metrics: Metrics, access: Access, website: Website | None = None
    ) -> None:
        self._models = models
        self._config = config
        self._metrics = metrics
        self._access = access
        self._website = website
        self._addresses: dict[tuple[str, bytes], Address | StatusError] = {}
        self._latency: dict[tuple[str, str], Histogram] = {}
        self._threads = concurrent.futures.ThreadPoolExecutor(2, "rest")
        self._predictor = AsyncPredictor(quiet_turns=1)
        self._in_flight = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        if scope["type"] != "http":
            raise RuntimeError(f"nothing but HTTP is served, not {scope['type']}")
        path: bytes = scope["raw_path"]
        if path.startswith(b"/v1/"):
            response = await self._api(scope, receive)
        elif self._website is not None and self._website.has(scope["path"]):
            refusal = None if self._website.is_public(scope["path"]) else self._refusal_of(scope)
            if refusal is None:
                await self._website(scope, receive, send)
                return
            response = refusal
        else:
            response = await self._other(scope, receive)
        await _send(send, response, CORS if self._config.cors and path[:4].lower() == b"/v1/" else [])

    def _refusal_of(self, scope: Scope) -> Response | None:
        """The answer to who may not ask; None for everybody else."""
        try:
            self._access.check_header(scope["headers"])
        except StatusError as error:
            return _refusal(error)
        return None

    async def _other(self, scope: Scope, receive: Receive) -> Response:
        path = scope["path"]
        if self._config.metrics_path and path == self._config.metrics_path:
            refusal = self._refusal_of(scope)
            if refusal is not None:
                return refusal
            page = await asyncio.get_running_loop().run_in_executor(self._threads, self._metrics.page)
            return Response(200, page, (b"content-type", b"text/plain; version=0.0.4; charset=utf-8"))
        if _API.fullmatch(scope["raw_path"].decode("latin-1")):
            return await self._api(scope, receive)
        return _refusal(NotFoundError(f"Not Found: {path}"))

    async def _api(self, scope: Scope, receive: Receive) -> Response:
        """Answers a request to /v1/."""
        started = time.monotonic()
        name, action = "", ""
        try:
            method = scope["method"]
            if method == "OPTIONS":  # sent by browsers on their own, never with a token
                return _preflight(scope["headers"])
            self._access.check_header(scope["headers"])
            address = self._address(method, scope["raw_path"])
            name, action = address.name, address.action
            if action == "predict":
                body = await self._body(scope, receive)
                answer = await self._predict(address, body, started)
            else:
                answer = await self._answer(address, scope, receive)
        except StatusError as error:
            status = error.status
            response = _refusal(error)
        except _TooLargeError as error:
            status = Status.INVALID_ARGUMENT
            response = Response(413, _error_body(str(error)), headers=((b"connection", b"close"),))
            await _discard(scope["headers"], receive)
        except _GoneError:
            status = Status.CANCELLED
            response = Response(Status.CANCELLED.http, b"")
        else:
            status = Status.OK
            response = Response(200, answer)
            self._observe(name, action, started)
        self._metrics.count(name if name in self._models else "", status.name)
        return response

    def _observe(self, name: str, action: str, started: float) -> None:
        histogram = self._latency.get((name, action))
        if histogram is None:
            histogram = self._latency[name, action] = self._metrics.latency(name, action, "REST")
        histogram.add((time.monotonic() - started) * 1e6)

    def _address(self, method: str, raw_path: bytes) -> Address:
        """What is asked for; remembered, because clients ask for few things often."""
        found = self._addresses.get((method, raw_path))
        if found is None:
            try:
                found = _parse_address(method, raw_path.decode("latin-1"))
            except StatusError as error:
                found = error
            if len(self._addresses) < KNOWN_ADDRESSES:
                self._addresses[method, raw_path] = found
        if isinstance(found, StatusError):
            raise StatusError.of(found.status, found.message)
        return found

    async def _body(self, scope: Scope, receive: Receive) -> bytes:
        """The body, within the limits."""
        length = _content_length(scope["headers"])
        limit = self._config.max_request_bytes
        if length > limit:
            raise _TooLargeError(f"The request has {length} bytes, this server takes {limit}")
        message = await receive()
        if message["type"] == "http.request" and not message.get("more_body"):
            body: bytes = message["body"]
            if len(body) > limit:
                raise _TooLargeError(f"The request has {len(body)} bytes, this server takes {limit}")
            return body
        return await self._long_body(message, receive)

    async def _long_body(self, message: MutableMapping[str, Any], receive: Receive) -> bytes:
        parts: list[bytes] = []
        size = 0
        try:
            while True:
                if message["type"] == "http.disconnect":
                    raise _GoneError
                part = message["body"]
                parts.append(part)
                size += len(part)
                self._in_flight += len(part)
                if size > self._config.max_request_bytes:
                    raise _TooLargeError(
                        f"The request has more than {self._config.max_request_bytes} bytes, which is what this server "
                        "takes"
                    )
                if self._in_flight > self._config.max_bytes_in_flight:
                    raise UnavailableError("Too many large requests at once")
                if not message.get("more_body"):
                    return b"".join(parts)
                message = await receive()
        finally:
            self._in_flight -= size

    # Predict.

    async def _predict(self, address: Address, body: bytes, started: float) -> bytes:
        deadline = started + self._config.timeout_seconds
        while True:
            servable = self._models.find(address.name, address.version, address.label)
            if len(body) < LARGE_BODY_BYTES:
                request = read_request(body, servable.signature)
            else:
                request = await self._in_thread(read_request, body, servable.signature)
            try:
                outputs, target = await self._compute(servable, request, deadline)
            except ClosedError:  # swapped in this very moment: its successor answers
                continue
            return await self._write(request, target, outputs)

    async def _compute(self, servable: Servable, request: JsonRequest, deadline: float) -> tuple[list[Array], Target]:
        signature = request.signature
        arrays = signature.check(request.inputs)
        target = servable.target(signature, tuple(signature.outputs))
        return await self._predictor.outputs(servable, target, arrays, deadline), target

    async def _write(self, request: JsonRequest, target: Target, outputs: list[Array]) -> bytes:
        specs = target.specs
        write = rows_answer if request.rows else columns_answer
        if sum(output.size for output in outputs) < LARGE_ANSWER_VALUES:
            return write(specs, outputs)
        return await self._in_thread(write, specs, outputs)

    # Everything else.

    async def _answer(self, address: Address, scope: Scope, receive: Receive) -> bytes:
        if address.action in ("classify", "regress"):
            body = await self._body(scope, receive)
            return await self._in_thread(self._examples, address, body)
        if not address.name:
            raise InvalidRequestError("Missing model name in request.")
        if address.action == "metadata":
            return metadata_json(self._models.find(address.name, address.version, address.label))
        # TensorFlow Serving looks at the number alone here: with a label it lists every version.
        return status_json(self._models.status(address.name, address.version))

    def _examples(self, address: Address, body: bytes) -> bytes:
        name, asked = input_from_json(body)
        while True:
            servable = self._models.find(address.name, address.version, address.label)
            request = _ExamplesRequest(_Spec(name), asked)
            try:
                if address.action == "classify":
                    return classification_json(classify(servable, request, self._config.timeout_seconds))
                return regression_json(regress(servable, request, self._config.timeout_seconds))
            except ClosedError:
                continue

    async def _in_thread(self, work: Callable[..., Result], *arguments: Any) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work, *arguments)

    def close(self) -> None:
        """Ends the threads."""
        self._threads.shutdown(wait=False)


@dataclasses.dataclass(frozen=True)
class _Spec:
    signature_name: str


@dataclasses.dataclass(frozen=True)
class _ExamplesRequest:
    """A ClassificationRequest or RegressionRequest as far as it is asked over REST."""

    model_spec: _Spec
    input: Any


class _TooLargeError(Exception):
    """The body is larger than the limit."""


class _GoneError(Exception):
    """The client went away before its request was complete."""


def _parse_address(method: str, path: str) -> Address:
    pattern = {"POST": _ASK, "GET": _LOOK}.get(method)
    found = pattern.fullmatch(path) if pattern else None
    if found is None:
        raise InvalidRequestError(f"Malformed request: {method} {path}")
    name, version, label, action = found.groups()
    if version is not None and int(version) >= 1 << 63:
        raise InvalidRequestError(f"Failed to convert version: {version} to numeric.")
    return Address(
        (action or "status").lower(),
        _decoded(name or "", "model name"),
        None if version is None else int(version),
        None if label is None else _decoded(label, "model version label"),
    )


def _decoded(text: str, what: str) -> str:
    try:
        return unquote_to_bytes(text).decode()
    except UnicodeDecodeError:
        raise InvalidRequestError(f"Failed to decode {what}:{text}") from None


def _preflight(headers: Headers) -> Response:
    origin = next((value for name, value in headers if name == b"origin"), b"")
    if re.search(rb"https?://", origin):
        return Response(200, b"", None)
    return Response(Status.FAILED_PRECONDITION.http, b"", None)


def _content_length(headers: Headers) -> int:
    for name, value in headers:
        if name == b"content-length":
            return int(value) if value.isdigit() else 0
    return 0


async def _discard(headers: Headers, receive: Receive) -> None:
    """Reads the rest of a body that is too large: a client that is cut off while it sends never sees why."""
    if any(name == b"expect" for name, _ in headers) or _content_length(headers) > MAX_DISCARDED_BYTES:
        return  # it waits for leave to send, or would send for too long
    size = 0
    while size <= MAX_DISCARDED_BYTES:
        message = await receive()
        if message["type"] != "http.request" or not message.get("more_body"):
            return
        size += len(message["body"])


def _refusal(error: StatusError) -> Response:
    headers: tuple[tuple[bytes, bytes], ...] = ()
    if error.status is Status.UNAUTHENTICATED:
        headers = ((b"www-authenticate", b"Bearer"),)
    return Response(error.status.http, _error_body(error.message), headers=headers)


def _error_body(message: str) -> bytes:
    return dumps({"error": message.encode("utf-8", "replace").decode()})


async def _send(send: Send, response: Response, more: Headers) -> None:
    headers = [(b"content-length", str(len(response.body)).encode()), *response.headers, *more]
    if response.content_type is not None:
        headers.insert(0, response.content_type)
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": response.body})
