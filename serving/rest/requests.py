"""A predict request in JSON to tensors, by the rules of TensorFlow Serving's json_tensor.cc.

Row format: `{"instances": [...]}`, a list of values where the signature has one input, else of
objects whose keys equal the inputs' names. Column format: `{"inputs": ...}`, a value where the
signature has one input, or an object by input. Types are strict: a whole number for int types, a
string or `{"b64": "..."}` for strings, true or false for bool, any number for floats.

The usual, regular request is converted by whole lists; whatever is irregular goes through the slow
way, value by value, which finds what is wrong and says it as TensorFlow Serving does.
"""

from __future__ import annotations

import base64
import dataclasses
import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from tensorflow.core.framework import types_pb2

from serving.errors import InvalidRequestError, Status, StatusError
from serving.models.signatures import Signature, TensorSpec
from serving.rest.json_values import MAX_DEPTH, kind, parse, shown
from serving.rpc.tensors import STRING, numpy_type, strings, type_name

Arrays = dict[str, np.ndarray[Any, Any]]

_FLOATS = {types_pb2.DT_FLOAT, types_pb2.DT_DOUBLE}
_INTEGERS: dict[int, tuple[int, int]] = {
    types_pb2.DT_INT8: (-(1 << 7), (1 << 7) - 1),
    types_pb2.DT_INT16: (-(1 << 15), (1 << 15) - 1),
    types_pb2.DT_INT32: (-(1 << 31), (1 << 31) - 1),
    types_pb2.DT_INT64: (-(1 << 63), (1 << 63) - 1),
    types_pb2.DT_UINT8: (0, (1 << 8) - 1),
    types_pb2.DT_UINT32: (0, (1 << 32) - 1),
    types_pb2.DT_UINT64: (0, (1 << 64) - 1),
}
_TYPES: dict[int, frozenset[type]] = {
    STRING: frozenset({str}),
    types_pb2.DT_BOOL: frozenset({bool}),
    **{number: frozenset({int, float}) for number in _FLOATS},
    **{number: frozenset({int}) for number in _INTEGERS},
}
_BASE64 = re.compile(r"[A-Za-z0-9+/]*=*")


@dataclasses.dataclass(frozen=True)
class JsonRequest:
    """A predict request.

    Attributes:
      signature: What is asked.
      inputs: Arrays by input.
      rows: Whether the answer is wanted in row format.
    """

    signature: Signature
    inputs: Arrays
    rows: bool


def named_document(body: bytes) -> tuple[dict[str, Any], str]:
    """The object of a request, and the signature that it names; "" = the default one.

    Raises:
      StatusError: It is no JSON, no object, or its `signature_name` is no text.
    """
    document = parse(body)
    if type(document) is not dict:
        raise InvalidRequestError(f"JSON Value: {shown(document)} Is not object")
    name = document.get("signature_name", "")
    if type(name) is not str:
        raise InvalidRequestError(
            f"JSON Value: {shown(document)} not formatted correctly. 'signature_name' key must be a string value."
        )
    return document, name


def read_request(body: bytes, signature_of: Callable[[str], Signature]) -> JsonRequest:
    """Reads a request.

    Args:
      body: The document.
      signature_of: Finds a signature by name ("" = the default one) or raises a StatusError.

    Raises:
      StatusError: It cannot be understood, or does not fit the signature.
    """
    document, name = named_document(body)
    signature = signature_of(name)
    if not signature.inputs:
        raise InvalidRequestError(f"Failed to get input map for signature: {name or 'DEFAULT'}")
    if "instances" in document:
        return JsonRequest(signature, _from_rows(document, signature), rows=True)
    if "inputs" in document:
        return JsonRequest(signature, _from_columns(document["inputs"], signature), rows=False)
    raise InvalidRequestError("Missing 'inputs' or 'instances' key")


def _from_rows(document: Mapping[str, Any], signature: Signature) -> Arrays:
    instances = document["instances"]
    if "inputs" in document:
        raise InvalidRequestError(
            f"JSON Value: {shown(document)} Not formatted correctly expecting only one of 'inputs' or 'instances' "
            "keys to exist "
        )
    if type(instances) is not list:
        raise InvalidRequestError(f"JSON Value: {shown(document)} Expecting 'instances' to be an list/array")
    if not instances:
        raise InvalidRequestError(f"JSON Value: {shown(document)} No values in 'instances' array")
    specs = signature.inputs
    if type(instances[0]) is not dict and len(specs) > 1:
        raise InvalidRequestError(
            "instances is a plain list, but expecting list of objects as multiple input tensors required as per "
            "tensorinfo_map"
        )
    if not _is_object(instances[0]):
        (spec,) = specs.values()
        array = _regular(instances, spec)
        return {spec.alias: _irregular_rows(instances, spec) if array is None else array}
    fast = _regular_objects(instances, specs)
    return _irregular_objects(instances, specs) if fast is None else fast


def _from_columns(value: Any, signature: Signature) -> Arrays:
    specs = signature.inputs
    if not _is_object(value):
        if len(specs) > 1:
            raise InvalidRequestError(
                "inputs is a plain value/list, but expecting an object as multiple input tensors required as per "
                "tensorinfo_map"
            )
        (spec,) = specs.values()
        return {spec.alias: _tensor(value, spec)}
    arrays = {}
    for alias, spec in specs.items():
        if alias not in value:
            raise InvalidRequestError(f"Missing named input: {alias} in 'inputs' object.")
        arrays[alias] = _tensor(value[alias], spec)
    return arrays


# The fast way: whole lists at once; None = something is irregular.


def _regular(values: list[Any], spec: TensorSpec) -> np.ndarray[Any, Any] | None:
    """Nested lists of equal lengths whose leaves all have the right type."""
    wanted = _TYPES.get(spec.dtype)
    if wanted is None:
        return None
    shape = [len(values)]
    leaves = values
    while leaves and type(leaves[0]) is list:
        if len(shape) >= MAX_DEPTH or set(map(type, leaves)) != {list}:
            return None
        sizes = set(map(len, leaves))
        if len(sizes) != 1:
            return None
        shape.append(sizes.pop())
        leaves = [leaf for inner in leaves for leaf in inner]
    if not wanted.issuperset(map(type, leaves)):
        return None
    return _array(leaves, spec.dtype, tuple(shape))


def _array(leaves: list[Any], dtype: int, shape: tuple[int, ...]) -> np.ndarray[Any, Any] | None:
    if dtype == STRING:
        try:
            return strings([leaf.encode() for leaf in leaves], shape)
        except UnicodeEncodeError:
            return None
    if dtype in _INTEGERS and leaves:
        least, most = _INTEGERS[dtype]
        if min(leaves) < least or max(leaves) > most:
            return None
    return _numbers(leaves, dtype, shape)


def _numbers(leaves: list[Any], dtype: int, shape: tuple[int, ...]) -> np.ndarray[Any, Any]:
    try:
        with np.errstate(over="ignore"):  # a double beyond float32 becomes infinite, as in C++
            return np.array(leaves, numpy_type(dtype)).reshape(shape)
    except OverflowError:
        raise InvalidRequestError("JSON Parse error: Number too big to be stored in double.") from None


def _regular_objects(instances: list[Any], specs: Mapping[str, TensorSpec]) -> Arrays | None:
    if set(map(type, instances)) != {dict}:
        return None
    names = specs.keys()
    if any(instance.keys() != names for instance in instances):
        return None
    arrays = {}
    for alias, spec in specs.items():
        array = _regular([instance[alias] for instance in instances], spec)
        if array is None:
            return None
        arrays[alias] = array
    return arrays


# The slow way: value by value, with TensorFlow Serving's messages.


def _irregular_rows(instances: list[Any], spec: TensorSpec) -> np.ndarray[Any, Any]:
    column = _Column(spec)
    for number, instance in enumerate(instances):
        if _is_object(instance):
            raise InvalidRequestError(f"Expecting value/list but got object at item {number} of input list")
        try:
            column.add(instance)
        except StatusError as error:
            raise InvalidRequestError(
                f"Failed to process element: {number} of 'instances' list. Error: {_status_text(error)}"
            ) from None
    return column.array()


def _irregular_objects(instances: list[Any], specs: Mapping[str, TensorSpec]) -> Arrays:
    columns = {alias: _Column(spec) for alias, spec in specs.items()}
    for number, instance in enumerate(instances):
        if not _is_object(instance):
            raise InvalidRequestError(f"Expecting object but got list at item {number} of input list")
        for key, value in instance.items():
            try:
                if key not in columns:
                    raise InvalidRequestError(f"JSON object: does not have named input: {key}")
                columns[key].add(value)
            except StatusError as error:
                raise InvalidRequestError(
                    f"Failed to process element: {number} key: {key} of 'instances' list. Error: {_status_text(error)}"
                ) from None
        if instance.keys() != specs.keys():
            raise InvalidRequestError(
                f"Failed to process element: {number} of 'instances' list. JSON object: {shown(instance)} keys must "
                f"be equal to: {','.join(sorted(specs))}"
            )
    return {alias: column.array() for alias, column in columns.items()}


class _Column:
    """The values of one input, an item a row; every item has the shape of the first."""

    def __init__(self, spec: TensorSpec) -> None:
        self._dtype = spec.dtype
        self._leaves: list[Any] = []
        self._rows = 0
        self._shape: tuple[int, ...] = ()
        self._size = 0

    def add(self, value: Any) -> None:
        shape = _shape(value)
        before = len(self._leaves)
        _collect(value, 0, shape, self._dtype, self._leaves)
        size = len(self._leaves) - before
        if self._rows == 0:
            self._shape, self._size = shape, size
        elif size != self._size:
            raise InvalidRequestError(f"Expecting tensor size: {self._size} but got: {size}")
        elif shape != self._shape:
            raise InvalidRequestError(f"Expecting shape {_shape_text(self._shape)} but got: {_shape_text(shape)}")
        self._rows += 1

    def array(self) -> np.ndarray[Any, Any]:
        return _made(self._leaves, self._dtype, (self._rows, *self._shape))


def _tensor(value: Any, spec: TensorSpec) -> np.ndarray[Any, Any]:
    """One tensor of the column format; a value without a list is a scalar."""
    array = _regular(value, spec) if type(value) is list else None
    if array is not None:
        return array
    shape = _shape(value)
    leaves: list[Any] = []
    _collect(value, 0, shape, spec.dtype, leaves)
    return _made(leaves, spec.dtype, shape)


def _made(leaves: list[Any], dtype: int, shape: tuple[int, ...]) -> np.ndarray[Any, Any]:
    if len(shape) > MAX_DEPTH:
        raise _too_deep()
    if dtype == STRING:
        return strings(leaves, shape)
    return _numbers(leaves, dtype, shape)


def _shape(value: Any) -> tuple[int, ...]:
    """The shape that the first elements promise."""
    shape: list[int] = []
    while type(value) is list:
        shape.append(len(value))
        if len(shape) > MAX_DEPTH:
            raise _too_deep()
        if not value:
            break
        value = value[0]
    return tuple(shape)


def _too_deep() -> StatusError:
    return InvalidRequestError(f"lists are nested more than {MAX_DEPTH} deep")


def _collect(value: Any, level: int, shape: tuple[int, ...], dtype: int, leaves: list[Any]) -> None:
    if type(value) is not list:
        if level != len(shape):
            raise InvalidRequestError(
                f"JSON Value: {shown(value)} found at incorrect level: {level + 1} in the JSON DOM. Expected at "
                f"level: {len(shape)}"
            )
        leaves.append(_leaf(value, dtype))
        return
    if level >= len(shape):
        raise InvalidRequestError(f"Encountered list at unexpected level: {level} expected < {len(shape)}")
    if len(value) != shape[level]:
        raise InvalidRequestError(
            f"Encountered list at unexpected size: {len(value)} at level: {level} expected size: {shape[level]}"
        )
    for item in value:
        _collect(item, level + 1, shape, dtype, leaves)


def _leaf(value: Any, dtype: int) -> Any:
    if type(value) is dict:
        if dtype == STRING:
            return decoded_base64(value)
        raise _type_error(value, dtype)
    wanted = _TYPES.get(dtype)
    if wanted is None:
        raise StatusError.of(
            Status.UNIMPLEMENTED, f"Conversion of JSON Value: {shown(value)} to type: {type_name(dtype)}"
        )
    if type(value) not in wanted:
        raise _type_error(value, dtype)
    if dtype == STRING:
        try:
            return value.encode()
        except UnicodeEncodeError:
            raise InvalidRequestError("JSON Parse error: half of a surrogate pair in a string") from None
    if dtype in _INTEGERS:
        least, most = _INTEGERS[dtype]
        if not least <= value <= most:
            raise _type_error(value, dtype)
    return value


def _is_object(value: Any) -> bool:
    return type(value) is dict and not is_base64(value)


def is_base64(value: dict[str, Any]) -> bool:
    """Whether an object stands for binary data: `{"b64": "..."}` and nothing else."""
    return len(value) == 1 and type(value.get("b64")) is str


def decoded_base64(value: dict[str, Any]) -> bytes:
    """The binary data of `{"b64": "..."}`.

    Raises:
      InvalidRequestError: It is not such an object, or not base64.
    """
    if not is_base64(value):
        raise InvalidRequestError(f"JSON Value: {shown(value)} not formatted correctly for base64 data")
    text = "".join(value["b64"].split())
    unpadded = text.rstrip("=")
    if (
        not _BASE64.fullmatch(text)
        or len(unpadded) % 4 == 1
        or len(text) - len(unpadded) not in {0, -len(unpadded) % 4}
    ):
        raise InvalidRequestError("Unable to base64 decode")
    return base64.b64decode(unpadded + "=" * (-len(unpadded) % 4))


def _type_error(value: Any, dtype: int) -> StatusError:
    return InvalidRequestError(
        f"JSON Value: {shown(value)} Type: {kind(value)} is not of expected type: {type_name(dtype)}"
    )


def _shape_text(shape: tuple[int, ...]) -> str:
    return "[" + ",".join(map(str, shape)) + "]"


def _status_text(error: StatusError) -> str:
    return f"{error.status.name}: {error.message}"
