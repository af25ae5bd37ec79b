"""The description of the REST API, OpenAPI 3.1: the paths of TensorFlow Serving, and the questions a bundle answers.

It is served at `/openapi.json`; clients may be generated from it, and the tests make requests from it.
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Mapping
from typing import Any

from serving import contract
from serving.public_signatures import FLOAT, INT32, SIGNATURES, STRING, PublicSignature, Tensor

Json = dict[str, Any]

REFUSALS = {
    "400": "The request cannot be read, or is not what the signature takes.",
    "403": "The token may ask, and this is for administrators.",
    "401": "The server asks for a bearer token, and none or another one was sent.",
    "404": "No such model, version or label.",
    "408": "The request does not arrive in time.",
    "413": "The body is larger than the server allows.",
    "415": "The body is packed in another way than by gzip.",
    "421": "The Host is not one that the server answers to.",
    "429": "The request has too many rows or values; with Retry-After: too many long requests at once.",
    "503": "The queue is full, the model is loading, or the server is stopping: ask again later.",
    "504": "The server's time limit has passed.",
}
WHICH = {  # how a version is chosen: part of the path, what is chosen
    "": "the newest version",
    "/versions/{version}": "one version",
    "/labels/{label}": "the version with a label",
}
VALUE_TYPES: Mapping[str, Json] = {
    STRING: {"anyOf": [{"type": "string"}, {"$ref": "#/components/schemas/Bytes"}]},
    FLOAT: {"type": "number"},
    INT32: {"type": "integer", "minimum": -(2**31), "maximum": 2**31 - 1},
}
ANSWERED_TYPES: Mapping[str, Json] = {STRING: {"type": "string"}, FLOAT: {"type": "number"}, INT32: {"type": "integer"}}


def description() -> Json:
    """The whole document."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Recommender",
            "version": importlib.metadata.version("tfx-recommenders"),
            "description": "TensorFlow Serving's REST API over a bundle of tfx-recommenders. Floats that are not "
            "finite are written NaN, Infinity and -Infinity, as TensorFlow Serving does.",
            "license": {"name": "Apache 2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "."}],
        "security": [{}, {"token": []}],
        "paths": _paths(),
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "parameters": _parameters(),
            "responses": {code: _refusal(text) for code, text in REFUSALS.items()},
            "schemas": _schemas(),
        },
    }


def _paths() -> Json:
    paths: Json = {}
    for part, which in WHICH.items():
        model = "/v1/models/{model}" + part
        name = part.strip("/").split("/")[0].removesuffix("s") or "newest"
        parameters = [_parameter("model")] + ([_parameter(name)] if part else [])
        paths[model] = {
            "parameters": parameters,
            "get": _operation(f"status_{name}", f"State of {which}", "Status", "400", "404"),
        }
        paths[model + "/metadata"] = {
            "parameters": parameters,
            "get": _operation(f"metadata_{name}", f"Signatures of {which}", "Metadata", "400", "404", "503"),
        }
        for verb in ("predict", "classify", "regress"):
            asked, answered = ("Question", "Answer") if verb == "predict" else ("ExamplesQuestion", "ExamplesAnswer")
            paths[f"{model}:{verb}"] = {
                "parameters": parameters,
                "post": {
                    "requestBody": {"required": True, "content": _json(asked)},
                    **_operation(f"{verb}_{name}", f"Ask {which}: {verb}", answered, *REFUSALS),
                },
            }
    paths |= _event_paths()
    paths["/monitoring/prometheus/metrics"] = {
        "get": _operation("metrics", "Metrics in Prometheus' text format", None, media_type="text/plain")
    }
    paths["/catalogue.json"] = {"get": _operation("catalogue", "Items and some user ids", "Catalogue", "404")}
    everybody: Json = {"security": [{}]}
    for probe, text in (
        ("live", "Whether the process answers"),
        ("ready", "Whether every model and label has a version"),
    ):
        states = {"200": "It is so.", **({"503": "It is not; with the reasons."} if probe == "ready" else {})}
        responses = {code: {"description": said, "content": _json("Health")} for code, said in states.items()}
        paths[f"/v1/health/{probe}"] = {
            "get": {"operationId": probe, "summary": text, "responses": responses} | everybody
        }
    paths["/openapi.json"] = {"get": _operation("openapi", "This description", "Anything") | everybody}
    paths["/"] = {"get": _operation("page", "The page", None, media_type="text/html") | everybody}
    return paths


def _event_paths() -> Json:
    """Events; a server without a store answers 404 to all of them."""
    user = {"parameters": [_parameter("user")]}
    of_user = {
        "get": _operation("user_events", "Events of a user that are kept", "Events", "400", "403", "404", "503"),
        "delete": _operation("erase_events", "Forget the events of a user", "Erased", "400", "403", "404", "503"),
    }
    keep = {
        "requestBody": {"required": True, "content": _json("Events")},
        **_operation("add_events", "Keep events, all of them or none", "Kept", *REFUSALS),
    }
    return {"/v1/events": {"post": keep}, "/v1/users/{user}/events": user | of_user}


def _operation(
    name: str, summary: str, schema: str | None, *refusals: str, media_type: str = "application/json"
) -> Json:
    content = _json(schema) if schema else {media_type: {"schema": {"type": "string"}}}
    answers = {"200": {"description": "The answer.", "content": content}}
    refused = {code: {"$ref": f"#/components/responses/{code}"} for code in sorted({"401", *refusals})}
    return {"operationId": name, "summary": summary, "responses": answers | refused}


def _parameter(name: str) -> Json:
    return {"$ref": f"#/components/parameters/{name}"}


def _parameters() -> Json:
    def one(name: str, text: str, schema: Json) -> Json:
        return {"name": name, "in": "path", "required": True, "description": text, "schema": schema}

    name = {"type": "string", "minLength": 1, "pattern": "^[^/:]+$"}
    return {
        "model": one("model", "Name of a model.", name | {"examples": [contract.MODEL_NAME]}),
        "version": one(
            "version", "Number of a version.", {"type": "integer", "minimum": 0, "maximum": 2**63 - 1, "examples": [1]}
        ),
        "user": one("user", "A user's id.", {"type": "string", "minLength": 1, "examples": ["42"]}),
        "label": one("label", "Label of a version.", name | {"examples": ["stable"]}),
    }


def _refusal(text: str) -> Json:
    return {"description": text, "content": _json("Error")}


def _json(schema: str) -> Json:
    return {"application/json": {"schema": _ref(schema)}}


def _ref(schema: str) -> Json:
    return {"$ref": f"#/components/schemas/{schema}"}


def _schemas() -> Json:
    questions = [_ref(_question_name(name)) for name in SIGNATURES]
    answers = [_ref(_answer_name(name)) for name in SIGNATURES]
    return {
        **{_question_name(name): _question(name, signature) for name, signature in SIGNATURES.items()},
        **{_answer_name(name): _answer(signature) for name, signature in SIGNATURES.items()},
        "Question": {"anyOf": [*questions, _ref("AnyQuestion")]},
        "Answer": {"anyOf": [*answers, _ref("AnyAnswer")]},
        "AnyQuestion": _any_question(),
        "AnyAnswer": {
            "description": "Of a model of any kind: rows of `instances`, or columns of `inputs`.",
            "type": "object",
            "oneOf": [
                {"required": ["predictions"], "properties": {"predictions": {"type": "array"}}},
                {"required": ["outputs"]},
            ],
        },
        "Health": {
            "type": "object",
            "required": ["status"],
            "properties": {
                "status": {"enum": ["SERVING", "NOT_SERVING"]},
                "reasons": {"type": "array", "items": {"type": "string"}},
            },
        },
        "Error": _object({"error": _TEXT}, "error"),
        **_examples(),
        **_models(),
        **_events(),
        "Anything": {"type": "object"},
    }


def _examples() -> Json:
    """What classify and regress take and give."""
    return {
        "ExamplesQuestion": _object(
            {"signature_name": _TEXT, "context": _ref("Example"), "examples": _list(_ref("Example"))}, "examples"
        ),
        "ExamplesAnswer": _object({"results": _list({})}, "results"),
        "Example": {
            "description": "Features of a tf.Example.",
            "type": "object",
            "additionalProperties": _ref("Value"),
        },
        "Value": {
            "anyOf": [
                {"type": ["string", "number", "boolean"]},
                _ref("Bytes"),
                {"type": "array", "items": _ref("Value")},
            ]
        },
        "Bytes": {
            "description": "Bytes, which need not be text, in base64.",
            **_object({"b64": {"type": "string", "contentEncoding": "base64", "pattern": _BASE64}}, "b64"),
            "additionalProperties": False,
        },
    }


def _models() -> Json:
    """What is told of models and versions."""
    return {
        "Status": _object({"model_version_status": _list(_ref("VersionStatus"))}, "model_version_status"),
        "VersionStatus": _object(
            {
                "version": {"type": "string", "pattern": "^[0-9]+$"},
                "state": {"enum": ["UNKNOWN", "START", "LOADING", "AVAILABLE", "UNLOADING", "END"]},
                "status": _object({"error_code": _TEXT, "error_message": _TEXT}, "error_code", "error_message"),
            },
            "version",
            "state",
            "status",
        ),
        "Metadata": _object(
            {
                "model_spec": _object(
                    {"name": _TEXT, "signature_name": _TEXT, "version": _TEXT}, "name", "signature_name", "version"
                ),
                "metadata": _object({"signature_def": {"type": "object"}}, "signature_def"),
            },
            "model_spec",
            "metadata",
        ),
        "Catalogue": _object(
            {
                "model": _TEXT,
                "version": _TEXT,
                "items": _list(_object({"id": _TEXT, "title": _TEXT, "features": _VALUES}, "id", "title", "features")),
                "users": _list(_TEXT),
            },
            "model",
            "version",
            "items",
            "users",
        ),
    }


def _events() -> Json:
    """What is kept of what people do."""
    return {
        "Events": {
            "type": "object",
            "required": ["events"],
            "properties": {"events": _list(_ref("Event"))},
            "additionalProperties": False,
        },
        "Event": {
            **_object(
                {
                    **{name: _TEXT | {"maxLength": 512} for name in ("user", "item", "event", "id", "request_id")},
                    "timestamp": {"type": ["number", "null"], "description": "Seconds since 1970; none = now."},
                    "rating": {"type": ["number", "null"]},
                },
                "user",
                "item",
            ),
            "additionalProperties": False,
        },
        "Kept": _object({"stored": _COUNT, "repeated": _COUNT}, "stored", "repeated"),
        "Erased": _object({"erased": _COUNT}, "erased"),
    }


_TEXT: Json = {"type": "string"}
_COUNT: Json = {"type": "integer", "minimum": 0}
_VALUES: Json = {"type": "object", "additionalProperties": {"type": "array", "items": _TEXT}}
_BASE64 = "^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$"


def _object(properties: Json, *required: str) -> Json:
    return {"type": "object", "required": list(required), "properties": properties}


def _list(items: Json) -> Json:
    return {"type": "array", "items": items}


def _question_name(signature: str) -> str:
    return _camel(signature) + "Question"


def _answer_name(signature: str) -> str:
    return _camel(signature) + "Answer"


def _camel(signature: str) -> str:
    return "".join(word.capitalize() for word in signature.split("_"))


def _question(name: str, signature: PublicSignature) -> Json:
    """Rows or columns; the name may be left out where it is the default."""
    named = {"signature_name": {"const": name}}
    required = [] if name == contract.SERVING_DEFAULT else ["signature_name"]
    rows = {"type": "array", "minItems": 1, "items": _row(signature)}
    columns = _object(
        {tensor: _list(_value(one, VALUE_TYPES)) for tensor, one in signature.inputs.items()}, *signature.inputs
    )
    if len(signature.inputs) == 1:
        (only,) = signature.inputs.values()
        columns = {"anyOf": [columns, _list(_value(only, VALUE_TYPES))]}
    return {
        "title": signature.question,
        "anyOf": [
            _object({**named, "instances": rows}, *required, "instances") | {"not": {"required": ["inputs"]}},
            _object({**named, "inputs": columns}, *required, "inputs") | {"not": {"required": ["instances"]}},
        ],
    }


def _row(signature: PublicSignature) -> Json:
    row = _object({tensor: _value(one, VALUE_TYPES) for tensor, one in signature.inputs.items()}, *signature.inputs)
    row["additionalProperties"] = False
    if len(signature.inputs) == 1:
        (only,) = signature.inputs.values()
        return {"anyOf": [row, _value(only, VALUE_TYPES)]}
    return row


def _value(tensor: Tensor, types: Mapping[str, Json]) -> Json:
    """What a row has of a tensor."""
    return types[tensor.dtype] if tensor.rank == 1 else _list(types[tensor.dtype])


def _answer(signature: PublicSignature) -> Json:
    values = {name: _value(one, ANSWERED_TYPES) for name, one in signature.outputs.items()}
    if len(values) == 1:  # the name of an only output is left out
        (only,) = values.values()
        rows = columns = _list(only)
    else:
        rows = _list(_object(values, *values))
        columns = _object({name: _list(one) for name, one in values.items()}, *values)
    return {
        "anyOf": [
            _object({"predictions": rows}, "predictions"),
            _object({"outputs": columns}, "outputs"),
        ]
    }


def _any_question() -> Json:
    return {
        "description": "To a model of any kind.",
        "anyOf": [
            _object({"signature_name": _TEXT, "instances": {"type": "array", "minItems": 1}}, "instances")
            | {"not": {"required": ["inputs"]}},
            _object({"signature_name": _TEXT, "inputs": {}}, "inputs") | {"not": {"required": ["instances"]}},
        ],
    }
