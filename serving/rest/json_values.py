"""JSON in and out: parsing as RapidJSON does it, values in messages, floats with NaN and Infinity.

orjson reads and writes nearly everything; the tokens NaN and Infinity, which it does not know, take
the standard library's slower way.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import orjson

from serving.errors import InvalidRequestError, Status, UnavailableError

MAX_DEPTH = 32
"""How deep lists may be nested: an array of numpy has at most 32 dimensions."""

MAX_VALUES = 1 << 20
"""Most values of a request, by the commas between them: megabytes of `"",` must not become millions of objects."""

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"

MAX_SHOWN = 256
"""Characters of a value that a message shows."""

_TOKENS = (b"NaN", b"Inf")
_KINDS: dict[type, str] = {dict: "Object", list: "Array", str: "String"}


def parse(body: bytes) -> Any:
    """The document of a request.

    Raises:
      InvalidRequestError: It is not JSON.
      UnavailableError: RESOURCE_EXHAUSTED: it has too many values.
    """
    if not body:
        raise InvalidRequestError("JSON Parse error: The document is empty")
    if len(body) > MAX_VALUES and body.count(b",") >= MAX_VALUES:
        raise UnavailableError(
            f"The request has more than {MAX_VALUES} values, which is what this server takes: send several requests",
            Status.RESOURCE_EXHAUSTED,
            retry_seconds=None,
        )
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        if body.startswith(_BYTE_ORDER_MARK):  # some clients' editors and libraries write one
            return parse(body[len(_BYTE_ORDER_MARK) :])
        if any(token in body for token in _TOKENS):
            return _parse_with_tokens(body)
        raise InvalidRequestError(f"JSON Parse error: {error.msg} at offset: {error.pos}") from None


def _parse_with_tokens(body: bytes) -> Any:
    try:
        document = json.loads(body.decode("utf-8"))
        orjson.dumps(document)  # refuses what the standard library lets through: half a surrogate pair, huge numbers
        return document
    except json.JSONDecodeError as error:
        raise InvalidRequestError(f"JSON Parse error: {error.msg} at offset: {error.pos}") from None
    except UnicodeDecodeError as error:
        raise InvalidRequestError(f"JSON Parse error: not UTF-8 at offset: {error.start}") from None
    except (RecursionError, TypeError, ValueError) as error:  # too deep; a whole number of thousands of digits
        raise InvalidRequestError(f"JSON Parse error: {error}") from None


def kind(value: Any) -> str:
    """RapidJSON's name of a value's type."""
    if value is None:
        return "Null"
    if value is True:
        return "True"
    if value is False:
        return "False"
    return _KINDS.get(type(value), "Number")


def shown(value: Any, most: int | None = MAX_SHOWN) -> str:
    """The value as messages show it: objects over lines, lists in one, cut after `most` characters."""
    parts: list[str] = []
    length = 0
    for part in _written(value, ""):
        parts.append(part)
        length += len(part)
        if most is not None and length >= most:
            break
    return "".join(parts)[: None if most is None else most]


def _written(value: Any, indent: str) -> Iterator[str]:
    if len(indent) > 4 * MAX_DEPTH:
        yield "…"
    elif isinstance(value, dict):
        if not value:
            yield "{}"
            return
        inner = indent + "    "
        for number, (key, item) in enumerate(value.items()):
            yield ("{" if number == 0 else ",") + f"\n{inner}{_scalar(key)}: "
            yield from _written(item, inner)
        yield f"\n{indent}}}"
    elif isinstance(value, list):
        yield "["
        for number, item in enumerate(value):
            if number:
                yield ", "
            yield from _written(item, indent + "    ")
        yield "]"
    else:
        yield _scalar(value)


def _scalar(value: Any) -> str:
    if isinstance(value, float):
        return float_text(value)
    return json.dumps(value, ensure_ascii=False)


def float_text(value: float) -> str:
    """A float as TensorFlow Serving writes it: a whole number keeps `.0`, NaN and Infinity are tokens."""
    if math.isfinite(value):
        return repr(value)
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def dumps(document: Any) -> bytes:
    """JSON of plain values and of numpy's, with the tokens NaN and Infinity."""
    body = orjson.dumps(document, default=_plain, option=orjson.OPT_SERIALIZE_NUMPY)
    if b"null" not in body:
        return body
    # NaN and Infinity, which orjson writes as null, or a text with that word.
    return "".join(_tokens(document)).encode()


def _plain(value: Any) -> Any:
    """What orjson cannot take as it is: arrays that are not contiguous."""
    if isinstance(value, np.ndarray):
        return np.ascontiguousarray(value)
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")


def _tokens(value: Any) -> Any:
    if isinstance(value, dict):
        yield "{"
        for number, (key, item) in enumerate(value.items()):
            yield ("," if number else "") + orjson.dumps(key).decode() + ":"
            yield from _tokens(item)
        yield "}"
    elif isinstance(value, list) or (isinstance(value, np.ndarray) and value.ndim):
        yield "["
        for number, item in enumerate(value):
            if number:
                yield ","
            yield from _tokens(item)
        yield "]"
    elif isinstance(value, (float, np.floating)) and not np.isfinite(value):
        yield float_text(float(value))
    else:
        yield orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY).decode()
