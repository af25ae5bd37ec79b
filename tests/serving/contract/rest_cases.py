"""What TensorFlow Serving answers over HTTP, case by case.

The rules were read in tensorflow/serving (model_servers/http_rest_api_handler.cc, http_rest_api_util.cc,
util/json_tensor.cc, core/basic_manager.cc, get_model_status_impl.cc); the answers follow from them and from
the models (calculator.py) by hand. A case that our server answers differently on purpose says how in `ours`.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any

from tests.serving.six_items import ITEMS

NAN, INFINITY = math.nan, math.inf


@dataclasses.dataclass(frozen=True, kw_only=True)
class Expected:
    """An answer.

    Attributes:
      status: HTTP code, or several where the rules leave it open.
      json: The whole answer, where given; NaN equals NaN.
      error: Pattern that the message of `{"error": …}` holds, where given.
      raw: Patterns that the bytes hold.
    """

    status: int | tuple[int, ...] = 200
    json: Any = None
    error: str | None = None
    raw: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True, kw_only=True)
class RestCase:
    """A request and its answer.

    Attributes:
      name: What it is about.
      path: As it stands in the request line.
      body: Sent as JSON, or as it is where bytes; None = none.
      expected: What TensorFlow Serving answers.
      ours: What our server answers, where that differs.
      why: Why it differs.
    """

    name: str
    path: str
    expected: Expected
    method: str = "POST"
    body: Any = None
    headers: dict[str, str] = dataclasses.field(default_factory=dict)
    ours: Expected | None = None
    why: str = ""


CALCULATOR = "/v1/models/calculator"


def answered(json: Any, *raw: str) -> Expected:
    return Expected(json=json, raw=raw)


def refused(error: str, status: int = 400) -> Expected:
    return Expected(status=status, error=error)


def predict(name: str, body: Any, expected: Expected, path: str = CALCULATOR, **more: Any) -> RestCase:
    return RestCase(name=name, path=f"{path}:predict", body=body, expected=expected, **more)


def get(name: str, path: str, expected: Expected, **more: Any) -> RestCase:
    return RestCase(name=name, path=path, method="GET", expected=expected, **more)


def rows(signature: str, *instances: Any) -> dict[str, Any]:
    return {"signature_name": signature, "instances": list(instances)}


def columns(signature: str, inputs: Any) -> dict[str, Any]:
    return {"signature_name": signature, "inputs": inputs}


ADDRESSES = [
    get("an address outside /v1", "/nothing", Expected(status=404)),
    get("the root", "/", Expected(status=404), ours=Expected(raw=(r"<!doctype html>",)), why="the page"),
    get("an unknown address in /v1", "/v1/nothing", refused(r"^Malformed request: GET /v1/nothing$")),
    get("no model", "/v1/models", refused(r"^Missing model name in request\.$")),
    get("predict by GET", CALCULATOR + ":predict", refused(r"^Malformed request: GET /v1/models/calculator:predict$")),
    RestCase(
        name="POST without a verb",
        path=CALCULATOR,
        body={},
        expected=refused(r"^Malformed request: POST /v1/models/calculator$"),
    ),
    RestCase(
        name="an unknown verb", path=CALCULATOR + ":guess", body={}, expected=refused(r"^Malformed request: POST")
    ),
    RestCase(
        name="PUT", path=CALCULATOR + ":predict", method="PUT", body={}, expected=refused(r"^Malformed request: PUT")
    ),
    RestCase(name="DELETE", path=CALCULATOR, method="DELETE", expected=refused(r"^Malformed request: DELETE")),
    predict("an address in other letters", rows("", 3), answered({"predictions": [1.5]}), path="/V1/Models/calculator"),
    predict("a name in percent signs", rows("", 3), answered({"predictions": [1.5]}), path="/v1/models/c%61lculator"),
    RestCase(
        name="a question mark and what follows",
        path=CALCULATOR + ":predict?x=1",
        body=rows("", 3),
        expected=answered({"predictions": [1.5]}),
    ),
    predict("a trailing slash", rows("", 3), refused("^Malformed request"), path=CALCULATOR + "/"),
    predict("a name with a slash in it", rows("", 3), refused("^Malformed request"), path="/v1/models/a/b"),
    predict("out of the folder", rows("", 3), refused(r"Servable not found", 404), path="/v1/models/..%2F..%2Fetc"),
]

VERSIONS = [
    predict(
        "an unknown model",
        rows("", 3),
        refused(r"^Servable not found for request: Latest\(nobody\)$", 404),
        path="/v1/models/nobody",
    ),
    predict("the newest version", rows("", 3), answered({"predictions": [1.5]})),
    predict("an older version", rows("", 3), answered({"predictions": [30.0]}), path=CALCULATOR + "/versions/1"),
    predict("a label", rows("", 3), answered({"predictions": [30.0]}), path=CALCULATOR + "/labels/stable"),
    predict("another label", rows("", 3), answered({"predictions": [1.5]}), path=CALCULATOR + "/labels/canary"),
    predict(
        "an unknown version",
        rows("", 3),
        refused(r"^Servable not found for request: Specific\(calculator, 99\)$", 404),
        path=CALCULATOR + "/versions/99",
    ),
    predict(
        "an unknown label",
        rows("", 3),
        refused(r"Unrecognized servable version label: beta"),
        path=CALCULATOR + "/labels/beta",
    ),
    predict(
        "a version that is no number", rows("", 3), refused("^Malformed request"), path=CALCULATOR + "/versions/one"
    ),
    predict(
        "a version beyond int64", rows("", 3), Expected(status=400), path=CALCULATOR + "/versions/99999999999999999999"
    ),
    predict(
        "version and label", rows("", 3), refused("^Malformed request"), path=CALCULATOR + "/versions/1/labels/stable"
    ),
]

STATUS = [
    get(
        "state of all versions",
        CALCULATOR,
        Expected(raw=(r'"version":\s*"2"', r'"version":\s*"1"', r'"state":\s*"AVAILABLE"', r'"error_code":\s*"OK"')),
    ),
    get(
        "state of one version",
        CALCULATOR + "/versions/1",
        answered(
            {
                "model_version_status": [
                    {"version": "1", "state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}}
                ]
            }
        ),
    ),
    get(
        "state of an unknown model", "/v1/models/nobody", refused("^Could not find any versions of model nobody$", 404)
    ),
    get(
        "state of an unknown version",
        CALCULATOR + "/versions/99",
        refused("^Could not find version 99 of model calculator$", 404),
    ),
    get(
        "signatures",
        CALCULATOR + "/metadata",
        Expected(
            raw=(
                r'"model_spec":\s*\{\s*"name":\s*"calculator",[^}]*"version":\s*"2"',
                r'"signature_name":\s*""',
                r'"method_name":\s*"tensorflow/serving/predict"',
                r'"dtype":\s*"DT_INT64"',
                r'"unknown_rank":\s*false',
            )
        ),
    ),
    get("signatures of a version", CALCULATOR + "/versions/1/metadata", Expected(raw=(r'"version":\s*"1"',))),
    get("signatures of an unknown model", "/v1/models/nobody/metadata", refused("^Servable not found", 404)),
]

DOCUMENTS = [
    predict("an empty body", b"", refused(r"^JSON Parse error: The document is empty")),
    predict("no JSON", b"{instances", refused("^JSON Parse error: ")),
    predict("half a document", b'{"instances": [1, 2', refused("^JSON Parse error: ")),
    predict("something after the document", b'{"instances": [1]} x', refused("^JSON Parse error: ")),
    predict("two documents", b'{"instances": [1]}{"instances": [1]}', refused("^JSON Parse error: ")),
    predict("a list", [1, 2], refused("Is not object$")),
    predict("a number", b"3", refused("Is not object$")),
    predict("neither instances nor inputs", {"x": [1]}, refused("^Missing 'inputs' or 'instances' key$")),
    predict(
        "both instances and inputs",
        {"instances": [1], "inputs": [1]},
        refused("Not formatted correctly expecting only one of 'inputs' or 'instances' keys to exist"),
    ),
    predict("unknown keys", {"instances": [3], "mood": "good"}, answered({"predictions": [1.5]})),
    predict("instances that are no list", {"instances": 3}, refused("Expecting 'instances' to be an list/array$")),
    predict("no instances", {"instances": []}, refused("No values in 'instances' array$")),
    predict(
        "a signature's name that is no string",
        {"signature_name": 7, "instances": [1]},
        refused("'signature_name' key must be a string value"),
    ),
    predict(
        "an unknown signature",
        rows("guess", 1),
        refused('^Serving signature name: "guess" not found in signature def$'),
    ),
    predict("an empty name is the default signature", rows("", 3), answered({"predictions": [1.5]})),
    predict(
        "another content type",
        b'{"instances": [3]}',
        answered({"predictions": [1.5]}),
        headers={"Content-Type": "text/plain"},
    ),
    predict(
        "a body that is not UTF-8",
        b'{"signature_name": "text", "instances": ["\xff"]}',
        Expected(),
        ours=refused("^JSON Parse error: "),
        why='TensorFlow Serving hands such bytes through, and its answer is no JSON then; {"b64": …} is for bytes',
    ),
    predict(
        "lists nested beyond reason",
        b'{"instances": ' + b"[" * 5000 + b"]" * 5000 + b"}",
        Expected(status=400),
    ),
]

MIXED_ROW = {"count": 3, "weight": 0.5, "name": "Zoë", "flag": True}
MIXED_ANSWER = {"total": 1.5, "next": 4, "greeting": "hello Zoë", "name_bytes": {"b64": "Wm/Dqw=="}, "denied": False}

ROWS = [
    predict("one input, plain values", rows("", 3, -4), answered({"predictions": [1.5, -2.0]})),
    predict("one input, objects", rows("", {"x": 3}, {"x": 5}), answered({"predictions": [1.5, 2.5]})),
    predict("several inputs and outputs", rows("mixed", MIXED_ROW), answered({"predictions": [MIXED_ANSWER]})),
    predict(
        "one output of two inputs has no name", rows("divide", {"a": 1, "b": 4}), answered({"predictions": [0.25]})
    ),
    predict(
        "lists in rows",
        rows("matrix", [1, 2], [3, 4]),
        answered({"predictions": [{"row_sum": 3.0, "twice": [2.0, 4.0]}, {"row_sum": 7.0, "twice": [6.0, 8.0]}]}),
    ),
    predict(
        "empty lists in rows",
        rows("words", {"words": []}, {"words": []}),
        answered({"predictions": [{"joined": "", "width": 0}] * 2}),
    ),
    predict(
        "a plain list for several inputs",
        rows("divide", 1),
        refused("^instances is a plain list, but expecting list of objects as multiple input tensors"),
    ),
    predict(
        "a missing key",
        rows("divide", {"a": 1}),
        refused(r"^Failed to process element: 0 of 'instances' list\. JSON object: .* keys must be equal to: a,b$"),
    ),
    predict(
        "a key too many",
        rows("divide", {"a": 1, "b": 2, "c": 3}),
        refused(r"^Failed to process element: 0 key: c of 'instances' list\. Error: .*does not have named input: c"),
    ),
    predict(
        "the second row is wrong",
        rows("divide", {"a": 1, "b": 2}, {"a": 1}),
        refused(r"^Failed to process element: 1 of 'instances' list\."),
    ),
    predict(
        "an object after a value",
        rows("", 1, {"x": 1}),
        refused("^Expecting value/list but got object at item 1 of input list$"),
    ),
    predict(
        "a value after an object",
        rows("", {"x": 1}, 1),
        refused("^Expecting object but got list at item 1 of input list$"),
    ),
    predict(
        "rows of different widths",
        rows("matrix", [1, 2], [3]),
        refused(r"Failed to process element: 1 .*Expecting tensor size: 2 but got: 1"),
    ),
    predict(
        "rows of different shapes",
        rows("matrix", [[1, 2]], [[1], [2]]),
        refused(r"Expecting shape \[1,2\] but got: \[2,1\]"),
    ),
    predict(
        "a ragged list",
        rows("matrix", [[1, 2], [3]]),
        refused(r"Encountered list at unexpected size: 1 at level: 1 expected size: 2"),
    ),
    predict(
        "a value where a list was",
        rows("matrix", [[1, 2], 3]),
        refused(r"JSON Value: 3 found at incorrect level: 2 in the JSON DOM\. Expected at level: 2"),
    ),
    predict(
        "a list where a value was",
        rows("matrix", [1, [2]]),
        refused(r"Encountered list at unexpected level: 1 expected < 1"),
    ),
    predict(
        "more dimensions than the signature has",
        rows("", [1, 2]),
        Expected(status=(200, 400)),  # its operations may take them
        ours=refused(r"^Input x has the shape \[1,2\], expected \[\?\]$"),
        why="shapes are checked against the signature",
    ),
    predict("a scalar output", rows("scalar_out", 1, 2), refused("^Tensor name: total has no shape information")),
    predict(
        "outputs of different lengths", rows("uneven", 1, 2), refused(r"has inconsistent batch size: \d expecting: \d")
    ),
    predict("the model refuses", rows("checked", 1, -1), refused("x is below zero")),
]

COLUMNS = [
    predict("a bare list for one input", columns("", [3, -4]), answered({"outputs": [1.5, -2.0]})),
    predict("an object for one input", columns("", {"x": [3]}), answered({"outputs": [1.5]})),
    predict("no rows", columns("", []), answered({"outputs": []})),
    predict(
        "several inputs and outputs by column",
        columns("mixed", {key: [value] for key, value in MIXED_ROW.items()}),
        answered({"outputs": {key: [value] for key, value in MIXED_ANSWER.items()}}),
    ),
    predict("a scalar", columns("scalar_in", 3), answered({"outputs": 1.5})),
    predict(
        "a scalar output by column",
        columns("scalar_out", [1, 2]),
        answered({"outputs": {"total": 3.0, "y": [1.0, 2.0]}}),
    ),
    predict(
        "outputs of different lengths by column",
        columns("uneven", [1]),
        answered({"outputs": {"y": [1.0], "z": [1.0, 0.0]}}),
    ),
    predict(
        "lists of width 0", columns("words", [[], []]), answered({"outputs": {"joined": ["", ""], "width": [0, 0]}})
    ),
    predict(
        "a missing input", columns("divide", {"a": [1]}), refused("^Missing named input: b in 'inputs' object\\.$")
    ),
    predict("an input too many", columns("divide", {"a": [1], "b": [2], "c": [3]}), answered({"outputs": [0.5]})),
    predict(
        "a bare list for several inputs",
        columns("divide", [1]),
        refused("^inputs is a plain value/list, but expecting an object as multiple input tensors required"),
    ),
    predict("columns of different lengths", columns("divide", {"a": [1, 2, 3], "b": [1, 2]}), Expected(status=400)),
]

TYPES = [
    predict(
        "a fraction for an integer",
        rows("whole", 1.5),
        refused("JSON Value: 1.5 Type: Number is not of expected type: int32"),
    ),
    predict(
        "1.0 for an integer",
        b'{"signature_name": "whole", "instances": [1.0]}',
        refused("Type: Number is not of expected type: int32"),
    ),
    predict(
        "an integer beyond int32",
        rows("whole", 2**31),
        refused("JSON Value: 2147483648 Type: Number is not of expected type: int32"),
    ),
    predict("the largest int32 less one", rows("whole", 2**31 - 2), answered({"predictions": [2**31 - 1]})),
    predict(
        "the smallest int64",
        rows("mixed", {**MIXED_ROW, "count": -(2**63), "weight": 0}),
        Expected(raw=(r"-9223372036854775807",)),
    ),
    predict(
        "an integer beyond int64",
        rows("mixed", {**MIXED_ROW, "count": 2**63}),
        refused("is not of expected type: int64"),
    ),
    predict(
        "a string for a number", rows("", "3"), refused('JSON Value: "3" Type: String is not of expected type: float')
    ),
    predict("true for a number", rows("", True), refused("JSON Value: true Type: True is not of expected type: float")),
    predict("null for a number", rows("", None), refused("JSON Value: null Type: Null is not of expected type: float")),
    predict(
        "an object for a number", columns("", [{"b64": "AA=="}]), refused("Type: Object is not of expected type: float")
    ),
    predict(
        "a number for a string", rows("text", 3), refused("JSON Value: 3 Type: Number is not of expected type: string")
    ),
    predict(
        "a number for a bool",
        rows("mixed", {**MIXED_ROW, "flag": 1}),
        refused("JSON Value: 1 Type: Number is not of expected type: bool"),
    ),
    predict(
        "a string for a bool",
        rows("mixed", {**MIXED_ROW, "flag": "true"}),
        refused("Type: String is not of expected type: bool"),
    ),
    predict("a small unsigned integer", rows("tiny", 254), answered({"predictions": [255]})),
    predict(
        "an integer beyond uint8",
        rows("tiny", 300),
        answered({"predictions": [45]}),
        ours=refused("JSON Value: 300 Type: Number is not of expected type: uint8"),
        why="TensorFlow Serving lets it wrap around: a wrong answer without an error",
    ),
]

NUMBERS = [
    predict(
        "whole numbers keep a point", rows("divide", {"a": 6, "b": 2}), answered({"predictions": [3.0]}, r"\b3\.0\b")
    ),
    predict(
        "the shortest text of a float32",
        rows("divide", {"a": 0.1, "b": 1}),
        answered({"predictions": [0.1]}, r"\[\s*0\.1\s*\]"),
    ),
    predict(
        "a float32 that needs nine digits",
        rows("divide", {"a": 16777217, "b": 1}),
        answered({"predictions": [16777216.0]}),
    ),
    predict("a float64", rows("double", 0.1), answered({"predictions": [1.1]})),
    predict(
        "large and small floats",
        columns("divide", {"a": [9000000, 0.00003], "b": [1, 1]}),
        answered({"outputs": [9e6, 3e-5]}),
    ),
    predict(
        "NaN and infinity in answers",
        columns("divide", {"a": [0, 1, -1], "b": [0, 0, 0]}),
        answered({"outputs": [NAN, INFINITY, -INFINITY]}, r"\bNaN\b", r"[^-]Infinity\b", r"-Infinity\b"),
    ),
    predict(
        "NaN and infinity in rows",
        rows("divide", {"a": -1, "b": 0}),
        answered({"predictions": [-INFINITY]}, r"-Infinity\b"),
    ),
    predict(
        "NaN and infinity in requests",
        b'{"instances": [NaN, Infinity, -Infinity]}',
        answered({"predictions": [NAN, INFINITY, -INFINITY]}),
    ),
    predict("beyond float32", rows("", 1e39), answered({"predictions": [INFINITY]})),
    predict("beyond float64", b'{"instances": [1e999]}', Expected(status=400)),
]

STRINGS = [
    predict(
        "text comes back",
        rows("text", 'Amélie 🎬 \u0000 "quoted"'),
        answered({"predictions": ['Amélie 🎬 \u0000 "quoted"']}),
    ),
    predict("base64 for a string", rows("text", {"b64": "QW3DqWxpZQ=="}), answered({"predictions": ["Amélie"]})),
    predict("base64 without padding", rows("text", {"b64": "QW3DqWxpZQ"}), answered({"predictions": ["Amélie"]})),
    predict("bytes that are no text", rows("blob", {"b64": "/wD+"}), answered({"predictions": [{"b64": "/wD+"}]})),
    predict("text as bytes", columns("blob", ["a"]), answered({"outputs": [{"b64": "YQ=="}]})),
    predict(
        "base64 in lists",
        rows("words", ["a", {"b64": "Yg=="}]),
        answered({"predictions": [{"joined": "a+b", "width": 2}]}),
    ),
    predict("no base64", rows("text", {"b64": "§"}), refused("Unable to base64 decode")),
    predict(
        "b64 beside another key",
        columns("text", {"text": [{"b64": "YQ==", "x": 1}]}),
        refused("not formatted correctly for base64 data"),
    ),
    predict(
        "b64 that is no string",
        columns("text", {"text": [{"b64": 3}]}),
        refused("not formatted correctly for base64 data"),
    ),
]

OTHER_VERBS = [
    RestCase(
        name="classify without a classifier",
        path=CALCULATOR + ":classify",
        body={"examples": [{"x": 1.0}]},
        expected=refused(
            "^(No classification inputs found in SignatureDef|Expected classification signature method_name)"
        ),
    ),
    RestCase(
        name="regress without a regressor",
        path=CALCULATOR + ":regress",
        body={"examples": [{"x": 1.0}]},
        expected=refused("^(No regression inputs found in SignatureDef|Expected regression signature method_name)"),
    ),
    RestCase(
        name="classify without examples",
        path=CALCULATOR + ":classify",
        body={"instances": [1]},
        expected=refused("key 'examples' is expected and was not found"),
    ),
    RestCase(
        name="classify with no example",
        path=CALCULATOR + ":classify",
        body={"examples": []},
        expected=refused("'examples' value is an empty array"),
    ),
    RestCase(
        name="classify by an unknown signature",
        path=CALCULATOR + ":classify",
        body={"signature_name": "guess", "examples": [{"x": 1.0}]},
        expected=refused("^No signature was found with the name: guess$"),
    ),
    RestCase(
        name="classify an unknown model",
        path="/v1/models/nobody:classify",
        body={"examples": [{"x": 1.0}]},
        expected=refused("^Servable not found", 404),
    ),
]

BUNDLE = "/v1/models/recommender"
F = ITEMS[5]
SIX = [0.0] * 6
NOBODY = [""] * 6
BO = {  # serving/six_items.py: the last item is b; a and b are seen; ten columns, the bundle's default
    "item_ids": [F, "é", "d", "c", *NOBODY],
    "titles": [f"Title of {F}", "Title of é", "Title of d", "Title of c", *NOBODY],
    "scores": [6.0, 5.0, 4.0, 3.0, *SIX],
    "predicted_ratings": [6.0, 5.0, 4.0, 3.0, *SIX],
    "count": 4,
    "source": "model",
}
QUESTION = {
    "user_id": "Bo",
    "history_item_ids": [],
    "history_ratings": [],
    "exclude_item_ids": [],
    "allow_item_ids": [],
    "filters": [],
    "user_features": [],
    "context": [],
    "n": 0,
}

RECOMMENDATIONS = [
    predict("a user's id is a whole request", {"instances": ["Bo"]}, answered({"predictions": [BO]}), path=BUNDLE),
    predict(
        "two users by column",
        columns("serving_default", {"user_id": ["Bo", "Bo"]}),
        answered({"outputs": {key: [value, value] for key, value in BO.items()}}),
        path=BUNDLE,
    ),
    predict("the full question, all empty", rows("recommend", QUESTION), answered({"predictions": [BO]}), path=BUNDLE),
    predict(
        "a stranger's history, one item, of a genre",
        rows("recommend", {**QUESTION, "user_id": "", "history_item_ids": ["d"], "filters": ["genres=Comedy"], "n": 1}),
        answered(
            {
                "predictions": [
                    {
                        "item_ids": [F],
                        "titles": [f"Title of {F}"],
                        "scores": [16.0],  # 3 · 5 + 1
                        "predicted_ratings": [6.0],
                        "count": 1,
                        "source": "history",
                    }
                ]
            }
        ),
        path=BUNDLE,
    ),
    predict(
        "the full question by column, lists of width 0",
        columns("recommend", {key: [value] for key, value in QUESTION.items()}),
        answered({"outputs": {key: [value] for key, value in BO.items()}}),
        path=BUNDLE,
    ),
    predict(
        "a question without n",
        rows("recommend", {key: value for key, value in QUESTION.items() if key != "n"}),
        refused(
            "keys must be equal to: allow_item_ids,context,exclude_item_ids,filters,history_item_ids,history_ratings,n,"
            "user_features,user_id"
        ),
        path=BUNDLE,
    ),
    predict(
        "one output without its name",
        rows("rank", {"user_id": "Bo", "item_id": "c"}),
        answered({"predictions": [3.0]}),
        path=BUNDLE,
    ),
    predict(
        "an id that is no text",
        columns("rank", {"user_id": [{"b64": "/w=="}], "item_id": ["c"]}),
        answered({"outputs": [3.0]}),
        path=BUNDLE,
    ),
]

METRICS = [
    get("metrics", "/monitoring/prometheus/metrics", Expected(raw=(r"(?m)^# TYPE ",))),
]

REST_CASES = [
    *ADDRESSES,
    *VERSIONS,
    *STATUS,
    *DOCUMENTS,
    *ROWS,
    *COLUMNS,
    *TYPES,
    *NUMBERS,
    *STRINGS,
    *OTHER_VERBS,
    *RECOMMENDATIONS,
    *METRICS,
]
