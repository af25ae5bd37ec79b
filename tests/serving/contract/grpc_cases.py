"""What TensorFlow Serving answers over gRPC, case by case.

The rules were read in tensorflow/serving (servables/tensorflow/predict_util.cc, predict_impl.cc,
get_model_metadata_impl.cc, model_servers/server_core.cc, get_model_status_impl.cc).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np


@dataclasses.dataclass(frozen=True, kw_only=True)
class PredictCase:
    """A PredictRequest and its answer.

    Attributes:
      name: What it is about.
      inputs: Arrays by input.
      outputs: All outputs by name; None where it is refused.
      code: gRPC's status.
      error: Pattern that the details hold.
      model, signature, version, label: Of the ModelSpec; model None = no ModelSpec at all.
      output_filter: Which outputs are wanted.
      answered_version: Of the ModelSpec of the answer.
    """

    name: str
    inputs: Mapping[str, Any]
    outputs: Mapping[str, Any] | None = None
    code: str = "OK"
    error: str = ""
    model: str | None = "calculator"
    signature: str = ""
    version: int | None = None
    label: str | None = None
    output_filter: tuple[str, ...] = ()
    answered_version: int = 2


def refused(name: str, code: str, error: str, **asked: Any) -> PredictCase:
    return PredictCase(name=name, code=code, error=error, **{"inputs": {"x": floats(3)}, **asked})


def floats(*values: float) -> Any:
    return np.array(values, np.float32)


def ints(*values: int) -> Any:
    return np.array(values, np.int64)


def texts(*values: bytes) -> Any:
    return np.array(values, object)


MIXED = {"count": ints(3), "weight": floats(0.5), "name": texts("Zoë".encode()), "flag": np.array([True])}
MIXED_ANSWER = {
    "total": floats(1.5),
    "next": ints(4),
    "greeting": texts("hello Zoë".encode()),
    "name_bytes": texts("Zoë".encode()),
    "denied": np.array([False]),
}

PREDICT_CASES = [
    PredictCase(name="the default signature", inputs={"x": floats(3, -4)}, outputs={"y": floats(1.5, -2)}),
    PredictCase(name="by its name", signature="serving_default", inputs={"x": floats(3)}, outputs={"y": floats(1.5)}),
    PredictCase(name="a version", version=1, inputs={"x": floats(3)}, outputs={"y": floats(30)}, answered_version=1),
    PredictCase(name="a label", label="stable", inputs={"x": floats(3)}, outputs={"y": floats(30)}, answered_version=1),
    PredictCase(name="several inputs and outputs", signature="mixed", inputs=MIXED, outputs=MIXED_ANSWER),
    PredictCase(
        name="two of several outputs",
        signature="mixed",
        inputs=MIXED,
        output_filter=("next", "greeting"),
        outputs={key: MIXED_ANSWER[key] for key in ("next", "greeting")},
    ),
    PredictCase(name="no rows", inputs={"x": floats()}, outputs={"y": floats()}),
    PredictCase(
        name="a matrix",
        signature="matrix",
        inputs={"m": np.array([[1, 2], [3, 4]], np.float32)},
        outputs={"row_sum": floats(3, 7), "twice": np.array([[2, 4], [6, 8]], np.float32)},
    ),
    PredictCase(
        name="lists of width 0",
        signature="words",
        inputs={"words": np.zeros((2, 0), object)},
        outputs={"joined": texts(b"", b""), "width": np.array([0, 0], np.int32)},
    ),
    PredictCase(
        name="scalars", signature="scalar_in", inputs={"x": np.float32(3)}, outputs={"y": np.array(1.5, np.float32)}
    ),
    PredictCase(
        name="outputs of different lengths",
        signature="uneven",
        inputs={"x": floats(1)},
        outputs={"y": floats(1), "z": floats(1, 0)},
    ),
    PredictCase(
        name="bytes that are no text",
        signature="blob",
        inputs={"blob": texts(b"\xff\x00\xfe")},
        outputs={"same_bytes": texts(b"\xff\x00\xfe")},
    ),
    PredictCase(
        name="NaN and infinity",
        signature="divide",
        inputs={"a": floats(0, 1, -1), "b": floats(0, 0, 0)},
        outputs={"quotient": floats(np.nan, np.inf, -np.inf)},
    ),
    PredictCase(
        name="int32",
        signature="whole",
        inputs={"i": np.array([7], np.int32)},
        outputs={"more": np.array([8], np.int32)},
    ),
    PredictCase(
        name="uint8",
        signature="tiny",
        inputs={"u": np.array([254], np.uint8)},
        outputs={"more": np.array([255], np.uint8)},
    ),
    PredictCase(name="float64", signature="double", inputs={"d": np.array([0.5])}, outputs={"more": np.array([1.5])}),
    refused("no model spec", "INVALID_ARGUMENT", "^Missing ModelSpec", model=None),
    refused("no name", "INVALID_ARGUMENT", r"^ModelSpec has no name specified\.$", model=""),
    refused("an unknown model", "NOT_FOUND", r"^Servable not found for request: Latest\(nobody\)$", model="nobody"),
    refused(
        "an unknown version", "NOT_FOUND", r"^Servable not found for request: Specific\(calculator, 99\)$", version=99
    ),
    refused("an unknown label", "INVALID_ARGUMENT", "^Unrecognized servable version label: beta", label="beta"),
    refused(
        "an unknown signature", "FAILED_PRECONDITION", '^Serving signature key "guess" not found\\.$', signature="guess"
    ),
    refused(
        "an input too few",
        "INVALID_ARGUMENT",
        r"^input size does not match signature: 1!=2 len\(\{a\}\) != len\(\{a,b\}\)\. Sent extra: \{\}\. "
        r"Missing but required: \{b\}\.$",
        signature="divide",
        inputs={"a": floats(1)},
    ),
    refused(
        "an input too many",
        "INVALID_ARGUMENT",
        r"^input size does not match signature: 2!=1 .* Sent extra: \{z\}\. Missing but required: \{\}\.$",
        inputs={"x": floats(1), "z": floats(1)},
    ),
    refused("an input of another name", "INVALID_ARGUMENT", "x", inputs={"z": floats(1)}),
    refused("another dtype", "INVALID_ARGUMENT", "(?i)float", inputs={"x": ints(1)}),
    refused(
        "an unknown output",
        "INVALID_ARGUMENT",
        r"^output tensor alias not found in signature: z Outputs expected to be in the set \{y\}\.$",
        output_filter=("z",),
    ),
    refused("an output twice", "INVALID_ARGUMENT", "^duplicate output tensor alias: y$", output_filter=("y", "y")),
    refused("the model refuses", "INVALID_ARGUMENT", "x is below zero", signature="checked", inputs={"x": floats(-1)}),
    refused(
        "columns of different lengths",
        "INVALID_ARGUMENT",
        r"(?i)shapes?: \[3\] vs\. \[2\]",
        signature="divide",
        inputs={"a": floats(1, 2, 3), "b": floats(1, 2)},
    ),
]
