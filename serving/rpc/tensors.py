"""TensorProto to numpy and back, by the typed fields that TensorFlow Serving uses.

`tf.make_tensor_proto` fills `tensor_content`, which clients that read `.string_val` or `.float_val`
do not see, and takes four times as long.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.core.framework import types_pb2

from serving.errors import InvalidRequestError, Status, UnavailableError

STRING = int(types_pb2.DT_STRING)

MAX_FILLED_ELEMENTS = 1 << 16
"""How many elements a proto may have beyond the values that it brings.

TensorFlow repeats the last value where a proto has fewer values than its shape; without a bound forty
bytes of a request would take gigabytes, and the model minutes.
"""

_FIELDS: dict[int, str] = {
    types_pb2.DT_FLOAT: "float_val",
    types_pb2.DT_DOUBLE: "double_val",
    types_pb2.DT_INT32: "int_val",
    types_pb2.DT_INT16: "int_val",
    types_pb2.DT_INT8: "int_val",
    types_pb2.DT_UINT8: "int_val",
    types_pb2.DT_UINT16: "int_val",
    types_pb2.DT_STRING: "string_val",
    types_pb2.DT_INT64: "int64_val",
    types_pb2.DT_BOOL: "bool_val",
    types_pb2.DT_UINT32: "uint32_val",
    types_pb2.DT_UINT64: "uint64_val",
    types_pb2.DT_HALF: "half_val",  # the bits as an integer
    types_pb2.DT_BFLOAT16: "half_val",
    types_pb2.DT_COMPLEX64: "scomplex_val",  # real and imaginary parts in turn
    types_pb2.DT_COMPLEX128: "dcomplex_val",
}
_BITS = {types_pb2.DT_HALF, types_pb2.DT_BFLOAT16}
_PARTS = {types_pb2.DT_COMPLEX64: np.float32, types_pb2.DT_COMPLEX128: np.float64}
_NUMPY = {number: np.dtype(tf.dtypes.as_dtype(number).as_numpy_dtype) for number in _FIELDS}


def type_name(dtype: int) -> str:
    """TensorFlow's short name of a type: `int64`, `string`."""
    try:
        return str(tf.dtypes.as_dtype(dtype).name)
    except TypeError:
        return "unknown"


def numpy_type(dtype: int) -> np.dtype[Any] | None:
    """The numpy type of a TensorFlow type; object for strings, None for types that have none here."""
    return _NUMPY.get(dtype)


def strings(values: list[bytes], shape: tuple[int, ...] | None = None) -> np.ndarray[Any, Any]:
    """An array of byte strings as TensorFlow takes it."""
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array if shape is None else array.reshape(shape)


def from_proto(proto: Any, alias: str) -> np.ndarray[Any, Any]:
    """The tensor of a request.

    Args:
      proto: tensorflow.TensorProto.
      alias: Name of the input, for the message.

    Raises:
      InvalidRequestError: Shape, type and values do not belong together.
      UnavailableError: RESOURCE_EXHAUSTED: it would have to be filled up with too many values.
    """
    try:
        return _from_proto(proto)
    except ValueError as error:
        raise InvalidRequestError(f"tensor parsing error: {alias}: {error}") from None


def _from_proto(proto: Any) -> np.ndarray[Any, Any]:
    dtype = proto.dtype
    field = _FIELDS.get(dtype)
    if field is None:
        raise ValueError(f"type {type_name(dtype)} cannot be sent")
    if proto.tensor_shape.unknown_rank:
        raise ValueError("its shape is unknown")
    shape = tuple([dim.size for dim in proto.tensor_shape.dim])
    if shape and min(shape) < 0:
        raise ValueError(f"shape {list(shape)} has a negative size")
    size = math.prod(shape)
    if size >= 1 << 63:
        raise ValueError(f"shape {list(shape)} has too many elements")
    if dtype == STRING:
        return _string_tensor(proto, shape, size)
    numpy_dtype = _NUMPY[dtype]
    if proto.tensor_content:
        if len(proto.tensor_content) != size * numpy_dtype.itemsize:
            raise ValueError(f"tensor_content has {len(proto.tensor_content)} bytes for the shape {list(shape)}")
        return np.frombuffer(proto.tensor_content, numpy_dtype).reshape(shape)
    return _filled(_values(getattr(proto, field), dtype, numpy_dtype), size).reshape(shape)


def _string_tensor(proto: Any, shape: tuple[int, ...], size: int) -> np.ndarray[Any, Any]:
    if proto.tensor_content:
        raise ValueError("strings are sent as string_val, not as tensor_content")
    values = list(proto.string_val)
    if len(values) == size:
        return strings(values, shape)
    return _filled(strings(values or [b""]), size).reshape(shape)


def _values(values: Any, dtype: int, numpy_dtype: np.dtype[Any]) -> np.ndarray[Any, Any]:
    if dtype in _BITS:
        return np.array(values, np.uint16).view(numpy_dtype)
    if dtype in _PARTS:
        if len(values) % 2:
            raise ValueError("a complex number lacks its imaginary part")
        return np.array(values, _PARTS[dtype]).view(numpy_dtype)
    return np.array(values).astype(numpy_dtype)


def _filled(values: np.ndarray[Any, Any], size: int) -> np.ndarray[Any, Any]:
    """Fills values up to as many as the shape has elements: the last one is repeated, none at all means zeros."""
    if len(values) >= size:
        return values[:size]
    if size - len(values) > MAX_FILLED_ELEMENTS:
        raise UnavailableError(
            f"{len(values)} values for a shape of {size} elements: this server repeats the last value up to "
            f"{MAX_FILLED_ELEMENTS} times. Send the values, or fewer rows",
            Status.RESOURCE_EXHAUSTED,
            retry_seconds=None,
        )
    filled = np.empty(size, values.dtype)
    filled[: len(values)] = values
    filled[len(values) :] = values[-1] if len(values) else 0
    return filled


def fill_proto(proto: Any, array: np.ndarray[Any, Any], dtype: int) -> None:
    """Writes an output into an empty TensorProto, as typed fields.

    Args:
      proto: tensorflow.TensorProto.
      array: The values; object for strings.
      dtype: tensorflow.DataType of the output.
    """
    proto.dtype = dtype
    shape = proto.tensor_shape
    for size in array.shape:
        shape.dim.add(size=size)
    field = _FIELDS.get(dtype)
    if field is None:
        proto.tensor_content = np.ascontiguousarray(array).tobytes()
        return
    values = array.ravel()
    if dtype in _BITS:
        values = values.view(np.uint16)
    elif dtype in _PARTS:
        values = np.ascontiguousarray(values).view(_PARTS[dtype])
    getattr(proto, field).extend(values.tolist())
