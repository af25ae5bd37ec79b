"""One request, over REST or gRPC, from its first byte to the line that is written of it.

Every request is counted when it ends; one whose answer is a 5xx is logged with its traceback, every one with
`--access-log`; and it becomes a span where traces are collected (serving/tracing.py). The id that joins all of these is
the caller's (`X-Request-ID`, or the trace of `traceparent`) or a new one.
"""

from __future__ import annotations

import datetime
import itertools
import logging
import os
import re
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import orjson

from serving.errors import Status, StatusError
from serving.metrics import Metrics

logger = logging.getLogger(__name__)

STANDARD_OUTPUT = Path("-")
_REQUEST_ID = re.compile(rb"[\x21-\x7e]{1,128}")
_TRACEPARENT = re.compile(rb"[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(?:-.*)?", re.ASCII)
_NOBODY = b"0" * 32
_OF_A_USER = re.compile(r"(?i)^(/v1/users/)[^/]+(/|$)")
"""Logs and traces hold no ids of people."""
_PREFIX = os.urandom(6).hex()
_numbers = itertools.count(1)


class Call:
    """A request.

    Attributes:
      entrypoint: REST or GRPC.
      api: predict, Classify, metadata, …; "" = none of the API.
      asked: What was asked, for the log: `POST /v1/models/…` or the method's name.
      client: Address of the caller.
      scope: ASGI's, where these two are read off it when they are needed.
      started: In seconds of time.monotonic.
      model, version, label, signature: Of the model, as far as it has been found.
      status: How it went.
      http: HTTP code of the answer; of gRPC the one that its status stands for.
      error: Why it failed.
      request_id: The caller's, or a new one.
      traceparent: The caller's; b"" = none.
      held: Bytes that count as in flight.
      answer_bytes: Size of the answer's body or message.
    """

    __slots__ = (
        "answer_bytes",
        "api",
        "asked",
        "client",
        "entrypoint",
        "error",
        "held",
        "http",
        "label",
        "model",
        "request_id",
        "scope",
        "signature",
        "started",
        "status",
        "traceparent",
        "version",
    )

    def __init__(self, entrypoint: str, request_id: bytes | None, traceparent: bytes | None) -> None:
        self.started = time.monotonic()
        self.entrypoint = entrypoint
        self.api = self.asked = self.client = self.model = self.version = self.label = self.signature = ""
        self.status = Status.OK
        self.http = 200
        self.error: BaseException | None = None
        self.held = self.answer_bytes = 0
        self.traceparent = b""
        self.scope: Mapping[str, Any] | None = None
        if traceparent is not None:
            found = _TRACEPARENT.fullmatch(traceparent)
            if found is not None and found[1] != _NOBODY:
                self.traceparent = traceparent
                request_id = request_id or found[1]
        if request_id is None or not _REQUEST_ID.fullmatch(request_id):
            request_id = b"%s-%x" % (_PREFIX.encode(), next(_numbers))
        self.request_id = request_id

    def failed(self, error: StatusError) -> None:
        """Notes a refusal."""
        self.status, self.http, self.error = error.status, error.status.http, error


class Tracer(Protocol):
    """The place where traces are collected."""

    def finished(self, call: Call, seconds: float) -> None:
        """A request that has ended."""

    def flush(self) -> None:
        """Sends what has not been sent."""


class Calls:
    """What is written of requests.

    Args:
      metrics: Counts them.
      access_log: File of a JSON line a request; `-` = standard output, None = none.
      tracer: Collects traces.
    """

    def __init__(self, metrics: Metrics, access_log: Path | None = None, tracer: Tracer | None = None) -> None:
        self._metrics = metrics
        self._log = None if access_log is None else _access_logger(access_log)
        self._tracer = tracer

    @property
    def are_written(self) -> bool:
        """Whether something is written of every request, not of those alone that fail."""
        return self._log is not None or self._tracer is not None

    def finish(self, call: Call) -> None:
        """Counts a request and writes of it what is to be written."""
        seconds = time.monotonic() - call.started
        if call.scope is not None and (call.http >= 500 or self.are_written):
            _read_scope(call, call.scope)
        if call.api:
            self._metrics.observe(
                (
                    call.model,
                    call.api,
                    call.entrypoint,
                    call.version,
                    call.label,
                    call.signature,
                    call.status.name,
                ),
                seconds * 1e6,
            )
        if call.http >= 500 and call.error is not None:  # a probe that is told "not yet" has not failed
            _log_failure(call)
        if self._log is not None:
            self._log.info(orjson.dumps(_facts(call, seconds)).decode())
        if self._tracer is not None:
            self._tracer.finished(call, seconds)

    def close(self) -> None:
        """Sends what has not been sent."""
        if self._tracer is not None:
            self._tracer.flush()


def _read_scope(call: Call, scope: Mapping[str, Any]) -> None:
    path = _OF_A_USER.sub(r"\1…\2", scope["raw_path"].decode("latin-1"))
    call.asked = f"{scope['method']} {path}"
    if scope["client"] is not None:
        call.client = "{}:{}".format(*scope["client"])


def _log_failure(call: Call) -> None:
    """A fault of ours with its traceback; a server that is full, or late, in one line."""
    is_fault = call.http == Status.INTERNAL.http
    logger.log(
        logging.ERROR if is_fault else logging.WARNING,
        "request %s: %s: %d %s: %s",
        call.request_id.decode(),
        call.asked,
        call.http,
        call.status.name,
        call.error,
        exc_info=call.error if is_fault else None,
    )


def _facts(call: Call, seconds: float) -> Mapping[str, Any]:
    now = datetime.datetime.now(datetime.timezone.utc)
    facts = {
        "time": now.isoformat(timespec="milliseconds"),
        "request_id": call.request_id.decode(),
        "traceparent": call.traceparent.decode(),
        "client": call.client,
        "protocol": call.entrypoint,
        "request": call.asked,
        "code": call.http,
        "status": call.status.name,
        "milliseconds": round(seconds * 1e3, 3),
        "bytes": call.answer_bytes,
        "model": call.model,
        "version": call.version,
        "label": call.label,
        "signature": call.signature,
        "error": "" if call.error is None else str(call.error)[:1024],
    }
    return {name: value for name, value in facts.items() if value != ""}


def _access_logger(path: Path) -> logging.Logger:
    """A logger of bare lines; a file that is moved away (logrotate) is opened anew."""
    handler: logging.Handler
    if path == STANDARD_OUTPUT:
        handler = logging.StreamHandler(sys.stdout)
    else:
        from logging.handlers import WatchedFileHandler

        handler = WatchedFileHandler(path, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(message)s"))
    log = logging.Logger("access", logging.INFO)  # of this server alone, outside the tree of loggers
    log.addHandler(handler)
    return log
