"""uvicorn's HTTP protocol, mended where clients and attackers meet it.

| what comes | what happens |
|---|---|
| slow requests, slow readers, silent connections | end after a period without progress (408 in a request) |
| a head over the limit, in one piece or in many | 431 |
| no Host or two of them, CONNECT, TRACE, bytes that are not HTTP | 400 or 405, and the connection ends |
| `Upgrade` to whatever | an ordinary request: the offer is not taken, and its body is its body |
| the client has sent all and closed its side | it is answered; one that has gone altogether is given up |
| HTTP/1.0 with `Connection: keep-alive` | the connection is kept |

httptools stops behind the head of a request that offers an upgrade and reads whatever follows as the next request
(https://github.com/MagicStack/httptools/issues/124): a body would be answered as a request of its own. Such a
request is read a second time here, without the offer.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEADER_BYTES = 64 << 10
LEAST_BODY_BYTES = 64 << 10
"""What a body must bring in every period, or it is a client that holds the connection and nothing else."""
PROBE_SECONDS = 0.5
"""Between two looks whether a client that has closed its side is still there."""

_BAD_REQUEST = b"400 Bad Request"
_TOO_LARGE = b"431 Request Header Fields Too Large"
_TIMEOUT = b"408 Request Timeout"
_NOT_ALLOWED = b"405 Method Not Allowed"
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_KEEP_ALIVE = (b"connection", b"keep-alive")
_OFFERS = frozenset({b"upgrade", b"connection", b"http2-settings"})


class _RefusedError(Exception):
    """A request that is not let through; ends the parser's work on these bytes."""


def http_protocol(seconds: float, refused: Callable[[int, str], None] = lambda status, reason: None) -> type[Any]:
    """A protocol class for uvicorn.

    Args:
      seconds: The period in which headers must be complete, a body go on, and an answer be taken.
      refused: Told of every refusal that no application sees: HTTP status and reason.
    """
    return type("HttpProtocol", (LimitedProtocol,), {"seconds": seconds, "tell_refusal": staticmethod(refused)})


class LimitedProtocol(HttpToolsProtocol):
    """One connection; `http_protocol` makes classes of it.

    Attributes:
      seconds: The period in which headers must be complete, a body go on, and an answer be taken.
      tell_refusal: Told of every refusal that no application sees: HTTP status and reason.
      task: Answers the request that is there; cancelled when the client goes. Set by the application.
    """

    seconds = 60.0
    tell_refusal = staticmethod(lambda status, reason: None)

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.task: asyncio.Task[Any] | None = None
        self._reading: asyncio.TimerHandle | None = None
        self._writing: asyncio.TimerHandle | None = None
        self._probing: asyncio.TimerHandle | None = None
        self._in_message = self._in_headers = self._is_offer = self._is_refused = False
        self._hosts = self._head_bytes = 0
        self._bytes = 0  # since the message or the period began
        self._unsent = 0

    # The connection.

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._reading = self.loop.call_later(self.seconds, self._reading_time_over)

    def connection_lost(self, exc: Exception | None) -> None:
        for timer in (self._reading, self._writing, self._probing):
            if timer is not None:
                timer.cancel()
        super().connection_lost(exc)
        if self.task is not None:
            self.task.cancel()

    def eof_received(self) -> bool:  # type: ignore[override]
        """Keeps the connection for the answer of a client that only sends no more."""
        if self.cycle is None or self.cycle.response_complete or self._in_message or self.scheme == "https":
            return False
        self.cycle.keep_alive = False  # the newest request: it ends after that answer
        self._probe_later()
        return True

    def _probe_later(self) -> None:
        if self.scope["http_version"] == "1.1":
            self._probing = self.loop.call_later(PROBE_SECONDS, self._probe)

    def _probe(self) -> None:
        """Writes what every client must skip (RFC 9110, 15.2): a connection with nobody at its end breaks of it."""
        if self.transport.is_closing() or self.cycle.response_started:
            return
        if not self.pipeline:  # or it would stand in another request's answer
            self.transport.write(_CONTINUE)
        self._probe_later()

    # What comes.

    def data_received(self, data: bytes) -> None:
        if self._is_refused:
            return
        self._bytes += len(data)
        self._unset_keepalive_if_required()
        if not self._feed(data):
            return
        if not self._in_message:
            if self._reading is not None:
                self._reading.cancel()
                self._reading = None
        elif self._in_headers and self._bytes > MAX_HEADER_BYTES:
            self._refuse(_TOO_LARGE)
        elif self._reading is None:
            self._reading = self.loop.call_later(self.seconds, self._reading_time_over)

    def _feed(self, data: bytes) -> bool:
        """Parses; whether the connection goes on."""
        while True:
            try:
                self.parser.feed_data(data)
                return True
            except httptools.HttpParserUpgrade as stop:
                data = self._without_offer() + data[stop.args[0] :]
                self.parser = httptools.HttpRequestParser(self)
                self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
            except httptools.HttpParserError:
                self._refuse(_BAD_REQUEST, "Invalid HTTP request received.")
                return False

    def _without_offer(self) -> bytes:
        """The head that has been read, without what offers an upgrade."""
        version = self.parser.get_http_version()
        lines = [b"%s %s HTTP/%s" % (self.parser.get_method(), self.url, version.encode())]
        lines += [b"%s: %s" % header for header in self.headers if header[0] not in _OFFERS]
        if version == "1.1" and any(n == b"connection" and b"close" in v.lower() for n, v in self.headers):
            lines.append(b"connection: close")
        return b"\r\n".join([*lines, b"", b""])

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["connection"] = self  # type: ignore[typeddict-unknown-key]
        self._in_message = self._in_headers = True
        self._bytes = self._hosts = self._head_bytes = 0

    def on_url(self, url: bytes) -> None:
        self.url += url
        self._head_bytes += len(url)
        if self._head_bytes > MAX_HEADER_BYTES:
            self._refuse(_TOO_LARGE)
            raise _RefusedError

    def on_header(self, name: bytes, value: bytes) -> None:
        name = name.lower()
        self._head_bytes += len(name) + len(value) + 4
        if name == b"host":
            self._hosts += 1
        elif name == b"expect" and value.lower() == b"100-continue":
            self.expect_100_continue = True
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        self._in_headers = False
        if self._head_bytes > MAX_HEADER_BYTES:
            self._refuse(_TOO_LARGE)
            raise _RefusedError
        method = self.parser.get_method()
        if method in (b"CONNECT", b"TRACE"):
            self._refuse(_NOT_ALLOWED, f"The method {method.decode()} is not served")
            raise _RefusedError
        version = self.parser.get_http_version()
        if self._hosts > 1 or (not self._hosts and version == "1.1"):
            self._refuse(_BAD_REQUEST, f"A request names one Host, this one names {self._hosts}")
            raise _RefusedError
        self._is_offer = self.parser.should_upgrade()
        if self._is_offer:
            return  # it is read again without the offer
        super().on_headers_complete()
        if version == "1.0" and self.parser.should_keep_alive():
            self.cycle.keep_alive = True
            self.cycle.default_headers = [*self.cycle.default_headers, _KEEP_ALIVE]

    def on_message_complete(self) -> None:
        self._in_message = False
        if not self._is_offer:
            super().on_message_complete()

    def on_response_complete(self) -> None:
        self.task = None
        super().on_response_complete()

    # What goes.

    def pause_writing(self) -> None:
        super().pause_writing()
        self._unsent = self.transport.get_write_buffer_size()
        self._writing = self.loop.call_later(self.seconds, self._writing_time_over)

    def resume_writing(self) -> None:
        if self._writing is not None:
            self._writing.cancel()
            self._writing = None
        super().resume_writing()

    def _reading_time_over(self) -> None:
        self._reading = None
        if not self._in_message:
            self.transport.close()  # connected and said nothing
        elif self._in_headers or self._bytes < LEAST_BODY_BYTES:
            self._refuse(_TIMEOUT)
        else:
            self._bytes = 0
            self._reading = self.loop.call_later(self.seconds, self._reading_time_over)

    def _writing_time_over(self) -> None:
        unsent = self.transport.get_write_buffer_size()
        if unsent >= self._unsent:
            self.transport.abort()  # the client takes nothing of its answer
        else:
            self._unsent = unsent
            self._writing = self.loop.call_later(self.seconds, self._writing_time_over)

    def _refuse(self, status: bytes, reason: str = "") -> None:
        """Answers what no application sees, and ends the connection."""
        if self._is_refused or self.transport.is_closing():
            return
        self._is_refused = True
        reason = reason or status.partition(b" ")[2].decode()
        self.tell_refusal(int(status[:3]), reason)
        if self._has_earlier_requests():  # they are answered first; then the connection ends without a word
            self.cycle.keep_alive = False
            self.flow.pause_reading()
            return
        body = json.dumps({"error": reason}).encode()
        head = b"HTTP/1.1 %s\r\nconnection: close\r\ncontent-type: application/json\r\n" % status
        head += b"allow: GET, HEAD, POST, OPTIONS\r\n" if status == _NOT_ALLOWED else b""
        self.transport.write(head + b"content-length: %d\r\n\r\n" % len(body) + body)
        self.transport.close()

    def _has_earlier_requests(self) -> bool:
        """Whether an answer is due that is not of the request that is being read."""
        if self.cycle is None or self.cycle.response_complete:
            return False
        reads_its_body = self.cycle.scope is self.scope
        return bool(self.pipeline) or self.cycle.response_started or not reads_its_body
