"""Tensors of an answer to JSON, as TensorFlow Serving's json_tensor.cc writes it (without its line breaks)."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from tensorflow.core.framework import types_pb2

from serving.errors import InvalidRequestError
from serving.models.signatures import TensorSpec
from serving.rest.json_values import dumps
from serving.rpc.tensors import STRING, type_name

Array = np.ndarray[Any, Any]

BYTES_SUFFIX = "_bytes"
"""String outputs whose name ends so are binary and are written in base64."""

BLOCK_VALUES = 20_000
"""Values that are written at once: about a millisecond's work."""

_BETWEEN = b"\0"

_WRITABLE = {
    STRING,
    types_pb2.DT_FLOAT,
    types_pb2.DT_DOUBLE,
    types_pb2.DT_INT8,
    types_pb2.DT_INT16,
    types_pb2.DT_INT32,
    types_pb2.DT_INT64,
    types_pb2.DT_UINT8,
    types_pb2.DT_UINT32,
    types_pb2.DT_UINT64,
    types_pb2.DT_BOOL,
}


def rows_answer(specs: Sequence[TensorSpec], arrays: Sequence[Array]) -> bytes:
    """`{"predictions": [...]}`, a value or an object a row.

    Raises:
      InvalidRequestError: The outputs have no rows, or not equally many; or a type that JSON cannot hold.
    """
    _check_types(specs)
    rows = -1
    for spec, array in zip(specs, arrays, strict=True):
        if not array.ndim:
            raise InvalidRequestError(f"Tensor name: {spec.alias} has no shape information ")
        if rows not in (-1, len(array)):
            raise InvalidRequestError(
                f"Tensor name: {spec.alias} has inconsistent batch size: {len(array)} expecting: {rows}"
            )
        rows = len(array)
    return b'{"predictions":' + _in_blocks(rows, arrays, lambda blocks: _rows(specs, blocks)) + b"}"


def columns_answer(specs: Sequence[TensorSpec], arrays: Sequence[Array]) -> bytes:
    """`{"outputs": ...}`, a value, or an object by output.

    Raises:
      InvalidRequestError: A type that JSON cannot hold.
    """
    _check_types(specs)
    written = [_column(spec, array) for spec, array in zip(specs, arrays, strict=True)]
    if len(written) == 1:
        return b'{"outputs":' + written[0] + b"}"
    named = [dumps(spec.alias) + b":" + column for spec, column in zip(specs, written, strict=True)]
    return b'{"outputs":{' + b",".join(named) + b"}}"


def _rows(specs: Sequence[TensorSpec], arrays: Sequence[Array]) -> bytes:
    columns = [_values(spec, array) for spec, array in zip(specs, arrays, strict=True)]
    if len(specs) == 1:
        return dumps(columns[0])
    names = [spec.alias for spec in specs]
    return dumps([dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)])


def _column(spec: TensorSpec, array: Array) -> bytes:
    if not array.ndim:
        return dumps(_values(spec, array))
    return _in_blocks(len(array), [array], lambda blocks: dumps(_values(spec, blocks[0])))


def _in_blocks(rows: int, arrays: Sequence[Array], write: Callable[[Sequence[Array]], bytes]) -> bytes:
    """A list, written some rows at a time: while it writes, nobody else has the interpreter."""
    step = max(1, BLOCK_VALUES * rows // max(1, sum(array.size for array in arrays)))
    if rows <= step:
        return write(arrays)
    blocks = [write([array[start : start + step] for array in arrays]) for start in range(0, rows, step)]
    return b"[" + b",".join([block[1:-1] for block in blocks]) + b"]"


def _check_types(specs: Sequence[TensorSpec]) -> None:
    if not specs:
        raise InvalidRequestError("Cannot convert empty tensor map to JSON")
    for spec in specs:
        if spec.dtype not in _WRITABLE:
            raise InvalidRequestError(f"Failed to write JSON value for tensor type: {type_name(spec.dtype)}")


def _values(spec: TensorSpec, array: Array) -> Any:
    """A list of rows that orjson can write; a plain value for a scalar."""
    if spec.dtype == STRING:
        if spec.alias.endswith(BYTES_SUFFIX):
            return _nested(array.tolist(), array.ndim, _base64)
        return _texts_at_once(array) or _nested(array.tolist(), array.ndim, _text)
    # Numbers stay numpy: orjson writes the shortest text of a float32, which Python's own floats have lost.
    return list(array) if array.ndim else array[()]


def _texts_at_once(array: Array) -> list[list[str]] | None:
    """Rows of texts, decoded in one go, which takes a third of the time; None where that is not possible."""
    if array.ndim != 2 or not array.size:
        return None
    try:
        texts = _BETWEEN.join(array.ravel().tolist()).decode().split(_BETWEEN.decode())
    except UnicodeDecodeError:
        return None
    if len(texts) != array.size:  # one of them holds the separator
        return None
    width = array.shape[1]
    return [texts[start : start + width] for start in range(0, len(texts), width)]


def _nested(values: Any, depth: int, write: Any) -> Any:
    if depth == 0:
        return write(values)
    if depth == 1:
        return [write(value) for value in values]
    return [_nested(inner, depth - 1, write) for inner in values]


def _text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("utf-8", "replace")


def _base64(value: bytes) -> dict[str, str]:
    return {"b64": base64.b64encode(value).decode()}
