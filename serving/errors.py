"""Errors of the serving side: what a server answers with and what a client raises.

    ServingError
    ├── UnreachableError       no answer came: refused, reset, unknown host, untrusted certificate
    ├── AnswerError            the answer is not of TF Serving's API, or lacks what serving/contract.py promises
    └── StatusError            the question was refused; `status` and `message` are the server's
        ├── InvalidRequestError    INVALID_ARGUMENT, FAILED_PRECONDITION, OUT_OF_RANGE, UNIMPLEMENTED: ask otherwise
        ├── NotFoundError          NOT_FOUND: no such model, version or address
        ├── NotAllowedError        UNAUTHENTICATED, PERMISSION_DENIED: no token, or a wrong one
        ├── UnavailableError       UNAVAILABLE, RESOURCE_EXHAUSTED: full, loading or stopping; ask again later
        ├── DeadlineExceededError  DEADLINE_EXCEEDED: the server's time limit or the client's own
        └── ServerError            every other status: the server's fault

The names and numbers of the statuses are gRPC's; their HTTP codes are those of TensorFlow Serving
(`ToHTTPStatusCode` in tensorflow_serving/model_servers/http_server.cc).
"""

from __future__ import annotations

import enum


class Status(enum.Enum):
    """How a question went: gRPC's name, its number and the HTTP code that TensorFlow Serving gives it."""

    OK = (0, 200)
    CANCELLED = (1, 499)
    UNKNOWN = (2, 500)
    INVALID_ARGUMENT = (3, 400)
    DEADLINE_EXCEEDED = (4, 504)
    NOT_FOUND = (5, 404)
    ALREADY_EXISTS = (6, 409)
    PERMISSION_DENIED = (7, 403)
    RESOURCE_EXHAUSTED = (8, 429)
    FAILED_PRECONDITION = (9, 400)
    ABORTED = (10, 409)
    OUT_OF_RANGE = (11, 400)
    UNIMPLEMENTED = (12, 501)
    INTERNAL = (13, 500)
    UNAVAILABLE = (14, 503)
    DATA_LOSS = (15, 500)
    UNAUTHENTICATED = (16, 401)

    def __init__(self, number: int, http: int) -> None:
        self.number = number
        self.http = http

    @classmethod
    def of_http(cls, http: int) -> Status:
        """The status that an HTTP code stands for; codes that TensorFlow Serving never sends by their class."""
        known = _OF_HTTP.get(http)
        if known is not None:
            return known
        return cls.INVALID_ARGUMENT if 400 <= http < 500 else cls.UNKNOWN


_OF_HTTP = {
    400: Status.INVALID_ARGUMENT,
    401: Status.UNAUTHENTICATED,
    403: Status.PERMISSION_DENIED,
    404: Status.NOT_FOUND,
    408: Status.DEADLINE_EXCEEDED,
    409: Status.ABORTED,
    429: Status.RESOURCE_EXHAUSTED,
    499: Status.CANCELLED,
    500: Status.INTERNAL,
    501: Status.UNIMPLEMENTED,
    502: Status.UNAVAILABLE,  # a proxy without its server
    503: Status.UNAVAILABLE,
    504: Status.DEADLINE_EXCEEDED,
}


class ServingError(Exception):
    """Every error of the serving side."""


class UnreachableError(ServingError):
    """No answer came: refused, reset, unknown host, untrusted certificate."""


class AnswerError(ServingError):
    """An answer that is not of TF Serving's API, or lacks what serving/contract.py promises."""


class StatusError(ServingError):
    """A question that was refused.

    Args:
      message: Why, in the server's words.
      status: Its status.
    """

    status = Status.UNKNOWN

    def __init__(self, message: str, status: Status | None = None) -> None:
        super().__init__(message)
        self.message = message
        if status is not None:
            self.status = status

    @staticmethod
    def of(status: Status, message: str, *, retry_seconds: float | None = 0) -> StatusError:
        """The error that a status stands for; see `UnavailableError` for `retry_seconds`."""
        kind = _OF_STATUS.get(status, ServerError)
        if kind is UnavailableError:
            return UnavailableError(message, status, retry_seconds=retry_seconds)
        return kind(message, status)


class InvalidRequestError(StatusError):
    """Asked wrongly: the same question will never be answered."""

    status = Status.INVALID_ARGUMENT


class NotFoundError(StatusError):
    """No such model, version or address."""

    status = Status.NOT_FOUND


class NotAllowedError(StatusError):
    """No token, or a wrong one."""

    status = Status.UNAUTHENTICATED


class UnavailableError(StatusError):
    """Full, loading or stopping: the same question may be answered a little later.

    Args:
      message: Why, in the server's words.
      status: UNAVAILABLE or RESOURCE_EXHAUSTED.
      retry_seconds: When to ask again (`Retry-After`); None = never the same question, such as one that is too large.
    """

    status = Status.UNAVAILABLE

    def __init__(self, message: str, status: Status | None = None, *, retry_seconds: float | None = 1) -> None:
        super().__init__(message, status)
        self.retry_seconds = retry_seconds


class DeadlineExceededError(StatusError):
    """The server's time limit or the client's own has passed."""

    status = Status.DEADLINE_EXCEEDED


class ServerError(StatusError):
    """The server's fault."""

    status = Status.INTERNAL


_OF_STATUS: dict[Status, type[StatusError]] = {
    Status.INVALID_ARGUMENT: InvalidRequestError,
    Status.FAILED_PRECONDITION: InvalidRequestError,
    Status.OUT_OF_RANGE: InvalidRequestError,
    Status.UNIMPLEMENTED: InvalidRequestError,
    Status.NOT_FOUND: NotFoundError,
    Status.UNAUTHENTICATED: NotAllowedError,
    Status.PERMISSION_DENIED: NotAllowedError,
    Status.UNAVAILABLE: UnavailableError,
    Status.RESOURCE_EXHAUSTED: UnavailableError,
    Status.DEADLINE_EXCEEDED: DeadlineExceededError,
}
