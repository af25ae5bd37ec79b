"""TensorFlow Serving's REST API as an ASGI application.

Addresses, methods, status codes and texts are those of http_rest_api_handler.cc and http_server.cc.
Everything outside `/v1/` that is not the website's or the metrics' is answered with 404.

A predict request is read and checked on the event loop, waits in the batcher's queue, and its answer
is written on the event loop. What is large enough to hold up the others goes to a thread instead.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import dataclasses
import re
import zlib
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from typing import Any, TypeVar
from urllib.parse import unquote_to_bytes

from serving.access import Access
from serving.calls.answering import Answering
from serving.calls.batching import Array, ClosedError
from serving.calls.call import Call, Calls
from serving.calls.examples import classification_json, classify, input_from_json, regress, regression_json
from serving.errors import (
    InvalidRequestError,
    NotFoundError,
    Status,
    StatusError,
    UnavailableError,
)
from serving.events.actions import ADD, ERASE, LIST
from serving.events.api import EventsApi, action_of
from serving.events.event import Event, read_events
from serving.metrics import Metrics
from serving.models.info import metadata_json, status_json
from serving.models.registry import Models
from serving.models.servable import Computation, Servable
from serving.models.signatures import DEFAULT_SIGNATURE
from serving.rest.answers import columns_answer, rows_answer
from serving.rest.json_values import dumps
from serving.rest.requests import JsonRequest, read_request
from serving.rest.website import Website

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]
HeaderMap = Mapping[bytes, bytes]
"""Headers by name; of one that comes twice the last one counts."""
Result = TypeVar("Result")

JSON = (b"content-type", b"application/json")
CORS = [
    (b"access-control-allow-origin", b"*"),
    (b"access-control-allow-methods", b"POST, GET"),
    (b"access-control-allow-headers", b"Authorization, Content-Type, Traceparent, X-Request-ID"),
    (b"access-control-expose-headers", b"Retry-After, X-Request-ID"),
]
CLOSE = ((b"connection", b"close"),)
RETRY = (b"retry-after", b"1")
LIVE_PATH, READY_PATH = b"/v1/health/live", b"/v1/health/ready"
HEALTH_PATHS = frozenset({LIVE_PATH, READY_PATH})
LARGE_BODY_BYTES = 128 << 10
"""Requests and answers from this size on are read and written in a thread: about a millisecond's work."""
LARGE_ANSWER_VALUES = 20_000
KNOWN_ADDRESSES = 4096
MAX_DISCARDED_BYTES = 256 << 20
"""How much of a body that is too large is read before its sender is told so."""

_VERSION = r"(?:/versions/(\d+)|/labels/([^/:]+))?"
_ASK = re.compile(rf"/v1/models/([^/:]+){_VERSION}:(classify|regress|predict)", re.IGNORECASE | re.ASCII)
_LOOK = re.compile(rf"/v1/models(?:/([^/:]+))?{_VERSION}(?:/(metadata))?", re.IGNORECASE | re.ASCII)
_PORT = re.compile(r":\d*$")
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
      allowed_hosts: Hosts that are answered to, `.example.com` with everything below it; none = every one.
    """

    timeout_seconds: float = 30.0
    max_request_bytes: int = 16 << 20
    max_bytes_in_flight: int = 256 << 20
    cors: bool = False
    metrics_path: str = "/monitoring/prometheus/metrics"
    allowed_hosts: tuple[str, ...] = ()


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
    """An answer."""

    status: int
    body: bytes
    content_type: tuple[bytes, bytes] | None = JSON
    headers: tuple[tuple[bytes, bytes], ...] = ()


class RestApp:
    """The ASGI application.

    Args:
      models: What is served.
      config: Limits.
      calls: Told of every request that has ended.
      metrics: The page of the metrics.
      access: Who may ask.
      readiness: What keeps the server from being ready; nothing = it is.
      answering: Computes answers to predict requests.
      website: Answers its own addresses.
      events: Answers what is asked of events.
      notes: What is worse than it should be, though the server is ready.
    """

    def __init__(
        self,
        models: Models,
        config: RestConfig,
        calls: Calls,
        metrics: Metrics,
        access: Access,
        readiness: Callable[[], list[str]],
        answering: Answering,
        website: Website | None = None,
        events: EventsApi | None = None,
        notes: Callable[[], list[str]] = list,
    ) -> None:
        self._models = models
        self._config = config
        self._calls = calls
        self._metrics = metrics
        self._access = access
        self._readiness = readiness
        self._website = website
        self._events = events or EventsApi(None)
        self._answering = answering
        self._notes = notes
        self._addresses: dict[tuple[str, bytes], Address | StatusError] = {}
        self._threads = concurrent.futures.ThreadPoolExecutor(2, "rest")
        self._in_flight = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        if scope["type"] != "http":
            raise RuntimeError(f"nothing but HTTP is served, not {scope['type']}")
        headers = dict(scope["headers"])
        call = Call("REST", headers.get(b"x-request-id"), headers.get(b"traceparent"))
        connection = scope.get("connection")
        if connection is not None:
            connection.task = asyncio.current_task()
        sent = _Sent(send, call)
        try:
            response = await self._respond(call, scope, headers, receive, sent)
        except asyncio.CancelledError:
            response = self._given_up(call, connection)
        except Exception as error:
            response = self._fault(call, error)
        finally:
            self._in_flight -= call.held
        call.scope = scope
        if connection is not None:
            connection.task = None  # from here on nothing is given up
        if response is not None and sent.has_begun:  # too late for another answer: the broken one ends the connection
            self._calls.finish(call)
            raise RuntimeError("an answer was broken off") from call.error
        if response is not None:
            call.http, call.answer_bytes = response.status, len(response.body)
            is_api = self._config.cors and scope["raw_path"][:4].lower() == b"/v1/"
            await _send(send, call, response, CORS if is_api else [])
        self._calls.finish(call)

    def refused(self, http: int, reason: str) -> None:
        """A request that was refused before it came here, for the log and the counts."""
        call = Call("REST", None, None)
        call.api, call.asked, call.http = "malformed", "HTTP", http
        call.status, call.error = Status.of_http(http), InvalidRequestError(reason)
        self._calls.finish(call)

    async def _respond(
        self, call: Call, scope: Scope, headers: HeaderMap, receive: Receive, send: Send
    ) -> Response | None:
        """The answer; None where the website has sent its own."""
        path: bytes = scope["raw_path"]
        hosts = self._config.allowed_hosts
        if path in HEALTH_PATHS:
            return self._health(path, scope["method"], headers)
        if hosts and not _is_allowed(headers.get(b"host", b""), hosts):
            call.failed(InvalidRequestError("This server does not answer to that Host"))
            return Response(421, _error_body("This server does not answer to that Host"))
        if path.startswith(b"/v1/"):
            return await self._api(call, scope, headers, receive)
        if self._website is not None and self._website.has(scope["path"]):
            refusal = None if self._website.is_public(scope["path"]) else self._refusal_of(call, headers)
            if refusal is None:
                await self._website(scope, receive, send)
            return refusal
        return await self._other(call, scope, headers, receive)

    def _health(self, path: bytes, method: str, headers: HeaderMap) -> Response:
        """Whether the process lives, and whether it can answer; for everybody, with the reasons for whom may ask."""
        if method not in ("GET", "HEAD"):
            return Response(405, _error_body(f"{method} is not served here"), headers=((b"allow", b"GET, HEAD"),))
        reasons = self._readiness() if path == READY_PATH else []
        answer: dict[str, Any] = {"status": "NOT_SERVING" if reasons else "SERVING"}
        notes = self._notes() if path == READY_PATH else []
        if reasons or notes:
            with contextlib.suppress(StatusError):
                self._access.check(headers.get(b"authorization"))
                answer |= {name: texts for name, texts in (("reasons", reasons), ("notes", notes)) if texts}
        more = (RETRY,) if reasons else ()
        return Response(503 if reasons else 200, dumps(answer), headers=((b"cache-control", b"no-store"), *more))

    def _given_up(self, call: Call, connection: Any) -> Response | None:
        """A request whose client has gone; or one that the server's end leaves no time for."""
        if connection is None or connection.transport.is_closing():
            call.failed(StatusError("The client went away", Status.CANCELLED))
            return None
        error = UnavailableError("The server ends before this request could be answered")
        call.failed(error)
        return _refusal(error)

    def _fault(self, call: Call, error: Exception) -> Response:
        """A bug of ours: the caller gets its name and the request's id, the log the traceback."""
        call.status, call.http, call.error = Status.INTERNAL, Status.INTERNAL.http, error
        call.api = call.api or "other"
        return Response(500, _error_body(f"{type(error).__name__}: {error}"))

    def _refusal_of(self, call: Call, headers: HeaderMap) -> Response | None:
        """The answer to who may not ask; None for everybody else."""
        try:
            self._access.check(headers.get(b"authorization"))
        except StatusError as error:
            call.failed(error)
            return _refusal(error)
        return None

    async def _other(self, call: Call, scope: Scope, headers: HeaderMap, receive: Receive) -> Response:
        path = scope["path"]
        if self._config.metrics_path and path == self._config.metrics_path:
            refusal = self._refusal_of(call, headers)
            if refusal is not None:
                return refusal
            page = await self._in_thread(self._metrics.page)
            return Response(200, page, (b"content-type", b"text/plain; version=0.0.4; charset=utf-8"))
        if _API.fullmatch(scope["raw_path"].decode("latin-1")):
            return await self._api(call, scope, headers, receive)
        error = NotFoundError(f"Not Found: {path}")
        call.failed(error)
        return _refusal(error)

    async def _api(self, call: Call, scope: Scope, headers: HeaderMap, receive: Receive) -> Response:
        """Answers a request to /v1/."""
        call.api = "other"
        try:
            method = scope["method"]
            if method == "OPTIONS":  # sent by browsers on their own, never with a token
                return _preflight(headers)
            self._access.check(headers.get(b"authorization"))
            about_events = action_of(method, scope["raw_path"])
            if about_events is not None:
                return await self._about_events(call, *about_events, headers, receive)
            address = self._address(method, scope["raw_path"])
            call.api = address.action
            if address.name in self._models:
                call.model = address.name
            if address.action == "predict":
                body = await self._body(call, headers, receive)
                answer = await self._predict(call, address, body)
            else:
                answer = await self._answer(call, address, headers, receive)
        except StatusError as error:
            call.failed(error)
            # Who waits for leave to send its body may send it all the same or not: nobody can tell what comes next.
            return _refusal(error, CLOSE if b"expect" in headers else ())
        except _TooLargeError as error:
            call.failed(InvalidRequestError(str(error)))
            if error.more_comes:
                await _discard(headers, receive)
            return Response(413, _error_body(str(error)), headers=CLOSE)
        except _EncodingError as error:
            call.failed(InvalidRequestError(str(error)))
            return Response(415, _error_body(str(error)), headers=((b"accept-encoding", b"gzip"),))
        except _GoneError:
            call.failed(StatusError("The client went away", Status.CANCELLED))
            return Response(Status.CANCELLED.http, b"")
        return Response(200, answer)

    async def _about_events(self, call: Call, action: str, user: str, headers: HeaderMap, receive: Receive) -> Response:
        call.api = action
        if action in (LIST, ERASE):
            self._access.check_admin(headers.get(b"authorization"))
        body = await self._body(call, headers, receive)
        events: list[Event] = []
        if action == ADD:
            is_large = len(body) >= LARGE_BODY_BYTES
            events = await self._in_thread(read_events, body) if is_large else read_events(body)
        return Response(200, await self._events.rest(action, user, events))

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

    async def _body(self, call: Call, headers: HeaderMap, receive: Receive) -> bytes:
        """The body, within the limits."""
        length = _content_length(headers)
        limit = self._config.max_request_bytes
        if length > limit:
            raise _TooLargeError(f"The request has {length} bytes, this server takes {limit}", more_comes=True)
        message = await receive()
        if message["type"] == "http.request" and not message.get("more_body"):
            body: bytes = message["body"]
            if len(body) > limit:
                raise _TooLargeError(f"The request has {len(body)} bytes, this server takes {limit}", more_comes=False)
        else:
            body = await self._long_body(call, message, receive)
        encoding = headers.get(b"content-encoding")
        return body if encoding is None else await self._unpacked(call, body, encoding.strip().lower())

    async def _long_body(self, call: Call, message: MutableMapping[str, Any], receive: Receive) -> bytes:
        parts: list[bytes] = []
        size = 0
        while True:
            if message["type"] == "http.disconnect":
                raise _GoneError
            part = message["body"]
            parts.append(part)
            size += len(part)
            if size > self._config.max_request_bytes:
                raise _TooLargeError(
                    f"The request has more than {self._config.max_request_bytes} bytes, this server takes no more",
                    more_comes=bool(message.get("more_body")),
                )
            self._hold(call, len(part))
            if not message.get("more_body"):
                return b"".join(parts)
            message = await receive()

    def _hold(self, call: Call, size: int) -> None:
        """Counts the bytes of a body as in flight until the request is answered."""
        self._in_flight += size
        call.held += size
        if self._in_flight > self._config.max_bytes_in_flight:
            raise UnavailableError("Too many large requests at once")

    async def _unpacked(self, call: Call, body: bytes, encoding: bytes) -> bytes:
        if encoding == b"identity":
            return body
        if encoding not in (b"gzip", b"x-gzip"):
            raise _EncodingError(f"The Content-Encoding {encoding.decode('latin-1')} is not served, gzip is")
        plain = await self._in_thread(_unpack, body, self._config.max_request_bytes)
        self._hold(call, len(plain))
        return plain

    # Predict.

    async def _predict(self, call: Call, address: Address, body: bytes) -> bytes:
        deadline = call.started + self._config.timeout_seconds
        while True:
            servable = self._found(call, address)
            if len(body) < LARGE_BODY_BYTES:
                request = read_request(body, servable.signature)
            else:
                request = await self._in_thread(read_request, body, servable.signature)
            call.signature = request.signature.name
            try:
                outputs, target = await self._compute(call, servable, request, deadline)
            except ClosedError:  # swapped in this very moment: its successor answers
                continue
            return await self._write(request, target, outputs)

    def _found(self, call: Call, address: Address) -> Servable:
        servable = self._models.find(address.name, address.version, address.label)
        call.version = servable.version_text
        call.label = address.label or ""
        return servable

    async def _compute(
        self, call: Call, servable: Servable, request: JsonRequest, deadline: float
    ) -> tuple[list[Array], Computation]:
        signature = request.signature
        arrays = signature.check(request.inputs)
        target = servable.target(signature, tuple(signature.outputs))
        return await self._answering.outputs(call, servable, target, arrays, deadline), target

    async def _write(self, request: JsonRequest, target: Computation, outputs: list[Array]) -> bytes:
        specs = target.specs
        write = rows_answer if request.rows else columns_answer
        if sum(output.size for output in outputs) < LARGE_ANSWER_VALUES:
            return write(specs, outputs)
        return await self._in_thread(write, specs, outputs)

    # Everything else.

    async def _answer(self, call: Call, address: Address, headers: HeaderMap, receive: Receive) -> bytes:
        if address.action in ("classify", "regress"):
            body = await self._body(call, headers, receive)
            return await self._in_thread(self._examples, call, address, body)
        if not address.name:
            raise InvalidRequestError("Missing model name in request.")
        if address.action == "metadata":
            return metadata_json(self._found(call, address))
        # TensorFlow Serving looks at the number alone here: with a label it lists every version.
        return status_json(self._models.status(address.name, address.version))

    def _examples(self, call: Call, address: Address, body: bytes) -> bytes:
        name, asked = input_from_json(body)
        seconds = self._config.timeout_seconds
        while True:
            servable = self._found(call, address)
            request = _ExamplesRequest(_Spec(name), asked)
            try:
                if address.action == "classify":
                    answer = classification_json(classify(servable, request, seconds))
                else:
                    answer = regression_json(regress(servable, request, seconds))
            except ClosedError:
                continue
            call.signature = name or DEFAULT_SIGNATURE
            return answer

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
    """The body is larger than the limit; `more_comes` where it has not been read to its end."""

    def __init__(self, message: str, *, more_comes: bool) -> None:
        super().__init__(message)
        self.more_comes = more_comes


class _EncodingError(Exception):
    """The body is packed in a way that is not served."""


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


def _preflight(headers: HeaderMap) -> Response:
    if re.search(rb"https?://", headers.get(b"origin", b"")):
        return Response(200, b"", None)
    return Response(Status.FAILED_PRECONDITION.http, b"", None)


def _is_allowed(host: bytes, allowed: Sequence[str]) -> bool:
    """Whether a Host, without its port, is one of these; `.example.com` allows every name below it, too."""
    name = _PORT.sub("", host.decode("latin-1").lower()).strip("[]")
    return any(name == one.lstrip(".") or (one[:1] == "." and name.endswith(one)) for one in allowed)


def _content_length(headers: HeaderMap) -> int:
    value = headers.get(b"content-length", b"")
    return int(value) if value.isdigit() else 0


def _unpack(body: bytes, limit: int) -> bytes:
    """What gzip has packed, within the limit."""
    parts: list[bytes] = []
    size = 0
    try:
        while body:
            member = zlib.decompressobj(wbits=31)
            parts.append(member.decompress(body, limit + 1 - size))
            size += len(parts[-1])
            if size > limit:
                raise _TooLargeError(
                    f"The request has more than {limit} bytes unpacked, this server takes no more", more_comes=False
                )
            if not member.eof:
                raise InvalidRequestError("The body ends in the middle of what gzip has packed")
            body = member.unused_data
    except zlib.error as error:
        raise InvalidRequestError(f"The body is not what gzip packs: {error}") from None
    return b"".join(parts)


async def _discard(headers: HeaderMap, receive: Receive) -> None:
    """Reads the rest of a body that is too large: a client that is cut off while it sends never sees why."""
    if b"expect" in headers or _content_length(headers) > MAX_DISCARDED_BYTES:
        return  # it waits for leave to send, or would send for too long
    size = 0
    while size <= MAX_DISCARDED_BYTES:
        message = await receive()
        if message["type"] != "http.request" or not message.get("more_body"):
            return
        size += len(message["body"])


def _refusal(error: StatusError, headers: tuple[tuple[bytes, bytes], ...] = ()) -> Response:
    if error.status is Status.UNAUTHENTICATED:
        headers = (*headers, (b"www-authenticate", b"Bearer"))
    if isinstance(error, UnavailableError) and error.retry_seconds is not None:
        headers = (*headers, (b"retry-after", b"%d" % error.retry_seconds))
    return Response(error.status.http, _error_body(error.message), headers=headers)


def _error_body(message: str) -> bytes:
    return dumps({"error": message.encode("utf-8", "replace").decode()})


class _Sent:
    """Passes on what the website sends, and notes it."""

    def __init__(self, send: Send, call: Call) -> None:
        self._send = send
        self._call = call
        self.has_begun = False

    async def __call__(self, message: MutableMapping[str, Any]) -> None:
        self.has_begun = True
        if message["type"] == "http.response.start":
            self._call.http = message["status"]
            message["headers"].append((b"x-request-id", self._call.request_id))
        else:
            self._call.answer_bytes += len(message["body"])
        await self._send(message)


async def _send(send: Send, call: Call, response: Response, more: Headers) -> None:
    headers = [
        (b"content-length", b"%d" % len(response.body)),
        (b"x-request-id", call.request_id),
        *response.headers,
        *more,
    ]
    if response.content_type is not None:
        headers.insert(0, response.content_type)
    if call.traceparent:
        headers.append((b"traceparent", call.traceparent))
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": response.body})
