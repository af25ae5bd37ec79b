"""The signatures of a SavedModel as the server reads them from its SignatureDefs."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Mapping
from typing import Any

import numpy as np

from serving.errors import InvalidRequestError, Status, UnavailableError
from serving.rpc.tensors import from_proto, numpy_type, type_name

DEFAULT_SIGNATURE = "serving_default"


@dataclasses.dataclass(frozen=True)
class TensorSpec:
    """One input or output.

    Attributes:
      alias: Its name in the signature.
      tensor: Its name in the graph.
      dtype: tensorflow.DataType.
      shape: Sizes, -1 = any; None = unknown rank.
    """

    alias: str
    tensor: str
    dtype: int
    shape: tuple[int, ...] | None

    @classmethod
    def of(cls, alias: str, info: Any) -> TensorSpec:
        """Reads a tensorflow.TensorInfo."""
        shape = info.tensor_shape
        sizes = None if shape.unknown_rank else tuple(dim.size for dim in shape.dim)
        return cls(alias, info.name, info.dtype, sizes)

    @property
    def is_batched(self) -> bool:
        """Whether rows lie along a first dimension of any size."""
        return self.shape is None or (len(self.shape) > 0 and self.shape[0] == -1)

    def admits(self, shape: tuple[int, ...]) -> bool:
        """Whether an array of this shape can be fed."""
        if self.shape is None:
            return True
        return len(shape) == len(self.shape) and all(
            want in (-1, size) for want, size in zip(self.shape, shape, strict=True)
        )


@dataclasses.dataclass(frozen=True)
class Signature:
    """One signature; inputs and outputs are in the order of their names.

    Attributes:
      name: Its key.
      method: Its method name, such as tensorflow/serving/predict.
      inputs: By alias.
      outputs: By alias.
      defaults: Values of inputs that a request may leave out.
      max_rows: Most rows of a request.
    """

    name: str
    method: str
    inputs: Mapping[str, TensorSpec]
    outputs: Mapping[str, TensorSpec]
    defaults: Mapping[str, np.ndarray[Any, Any]] = dataclasses.field(default_factory=dict)
    max_rows: int = sys.maxsize

    @classmethod
    def of(cls, name: str, definition: Any, max_rows: int = sys.maxsize) -> Signature:
        """Reads a tensorflow.SignatureDef."""
        return cls(
            name,
            definition.method_name,
            {alias: TensorSpec.of(alias, definition.inputs[alias]) for alias in sorted(definition.inputs)},
            {alias: TensorSpec.of(alias, definition.outputs[alias]) for alias in sorted(definition.outputs)},
            {alias: from_proto(proto, alias) for alias, proto in definition.defaults.items()},
            max_rows,
        )

    @property
    def is_mergeable(self) -> bool:
        """Whether rows of several requests can be computed in one call."""
        specs = [*self.inputs.values(), *self.outputs.values()]
        return bool(self.inputs) and all(spec.is_batched for spec in specs)

    def check(self, inputs: Mapping[str, np.ndarray[Any, Any]]) -> list[np.ndarray[Any, Any]]:
        """The arrays in the order of the inputs.

        Raises:
          StatusError: Names, types or shapes are not those of the signature, or there are too many rows.
        """
        if inputs.keys() != self.inputs.keys():
            if not inputs.keys() <= self.inputs.keys() <= inputs.keys() | self.defaults.keys():
                raise _other_inputs(set(inputs), self)
            inputs = {**self.defaults, **inputs}
        arrays = []
        for number, spec in enumerate(self.inputs.values()):
            array = inputs[spec.alias]
            if array.dtype != numpy_type(spec.dtype):
                raise InvalidRequestError(
                    f"Expects arg[{number}] to be {type_name(spec.dtype)} but {array.dtype.name} is provided: input "
                    f"{spec.alias}"
                )
            if not spec.admits(array.shape):
                raise InvalidRequestError(
                    f"Input {spec.alias} has the shape {_shape_text(array.shape)}, expected {_shape_text(spec.shape)}"
                )
            if array.ndim and len(array) > self.max_rows and spec.is_batched:
                raise UnavailableError(
                    f"Input {spec.alias} has {len(array)} rows, and this server takes {self.max_rows} a request "
                    "(--max-rows): send them in several requests",
                    Status.RESOURCE_EXHAUSTED,
                    retry_seconds=None,
                )
            arrays.append(array)
        return arrays

    def check_outputs(self, wanted: list[str]) -> tuple[str, ...]:
        """The outputs to compute: those asked for, in their order, or all.

        Raises:
          InvalidRequestError: An unknown output, or one that is asked for twice.
        """
        for number, alias in enumerate(wanted):
            if alias not in self.outputs:
                raise InvalidRequestError(
                    f"output tensor alias not found in signature: {alias} Outputs expected to be in the set "
                    f"{{{','.join(self.outputs)}}}."
                )
            if alias in wanted[:number]:
                raise InvalidRequestError(f"duplicate output tensor alias: {alias}")
        return tuple(wanted) or tuple(self.outputs)


def _other_inputs(sent: set[str], signature: Signature) -> InvalidRequestError:
    required, defaults = set(signature.inputs), set(signature.defaults)

    def listed(names: set[str]) -> str:
        return ",".join(sorted(names))

    if len(sent) > len(required) or (len(sent) < len(required) and not defaults):
        return InvalidRequestError(
            f"input size does not match signature: {len(sent)}!={len(required)} len({{{listed(sent)}}}) != "
            f"len({{{listed(required)}}}). Sent extra: {{{listed(sent - required)}}}. Missing but required: "
            f"{{{listed(required - sent)}}}."
        )
    missing = sorted(required - sent - defaults)
    if missing:
        return InvalidRequestError(
            f"Signature input alias: {missing[0]}(feed name: {signature.inputs[missing[0]].tensor}) not found in "
            f"request and no default value provided. Inputs expected to be in the request {{{listed(sent)}}}, or "
            f"default input alias set: {listed(defaults)}"
        )
    return InvalidRequestError(
        f"Inputs contains invalid name. Used request inputs: {listed(sent & required)}, request input: {listed(sent)}"
    )


def _shape_text(shape: tuple[int, ...] | None) -> str:
    return "[" + ",".join("?" if size < 0 else str(size) for size in shape or ()) + "]"
