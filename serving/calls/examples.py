"""Classify, regress and multi-inference: questions that are lists of tf.Example.

A recommender's bundle has no such signatures; what TensorFlow Serving says then is said here, and
models that have them are answered.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
from tensorflow.core.example import example_pb2
from tensorflow_serving.apis import classification_pb2, inference_pb2, input_pb2, regression_pb2

from serving.calls.batching import Array
from serving.calls.from_thread import compute
from serving.errors import InvalidRequestError, Status, StatusError
from serving.models.servable import Servable
from serving.models.signatures import DEFAULT_SIGNATURE, Signature
from serving.rest.json_values import dumps, kind, shown
from serving.rest.requests import decoded_base64, is_base64, named_document
from serving.rpc.tensors import strings

INPUTS, CLASSES, SCORES, OUTPUTS = "inputs", "classes", "scores", "outputs"
CLASSIFY_METHOD = "tensorflow/serving/classify"
REGRESS_METHOD = "tensorflow/serving/regress"


def classify(servable: Servable, request: Any, seconds: float | None) -> Any:
    """Answers a ClassificationRequest.

    Raises:
      StatusError: The signature is not one of a classifier, or it cannot be computed.
    """
    signature = _signature(servable, request.model_spec, _check_classifier)
    examples = _serialized(request.input)
    response = classification_pb2.ClassificationResponse()
    _fill_spec(response.model_spec, servable, signature)
    _fill_classes(response.result, _computed(servable, signature, examples, seconds), len(examples))
    return response


def regress(servable: Servable, request: Any, seconds: float | None) -> Any:
    """Answers a RegressionRequest.

    Raises:
      StatusError: The signature is not one of a regression, or it cannot be computed.
    """
    signature = _signature(servable, request.model_spec, _check_regression)
    examples = _serialized(request.input)
    response = regression_pb2.RegressionResponse()
    _fill_spec(response.model_spec, servable, signature)
    _fill_values(response.result, _computed(servable, signature, examples, seconds), len(examples))
    return response


def multi_inference(servable: Servable, request: Any, seconds: float | None) -> Any:
    """Answers a MultiInferenceRequest, task by task.

    Raises:
      StatusError: A task asks for another model, for a signature twice or for one that does not fit.
    """
    signatures = _task_signatures(servable, request.tasks)
    examples = _serialized(request.input)
    response = inference_pb2.MultiInferenceResponse()
    for task, signature in zip(request.tasks, signatures, strict=True):
        outputs = _computed(servable, signature, examples, seconds)
        result = response.results.add()
        _fill_spec(result.model_spec, servable, signature)
        if task.method_name == CLASSIFY_METHOD:
            _fill_classes(result.classification_result, outputs, len(examples))
        else:
            _fill_values(result.regression_result, outputs, len(examples))
    return response


def _task_signatures(servable: Servable, tasks: Iterable[Any]) -> list[Signature]:
    signatures: list[Signature] = []
    for task in tasks:
        if not task.model_spec.name:
            raise InvalidRequestError("Found ModelSpec with an empty model name.")
        if task.model_spec.name != servable.name:
            raise InvalidRequestError("All ModelSpecs in a MultiInferenceRequest must access the same model name.")
        name = task.model_spec.signature_name or DEFAULT_SIGNATURE
        if any(signature.name == name for signature in signatures):
            raise InvalidRequestError(f"Duplicate evaluation of signature: {name}")
        signature = servable.signatures.get(name)
        if signature is None:
            raise InvalidRequestError(f"Requested signature not found in model graph: {name}")
        checks = {CLASSIFY_METHOD: _check_classifier, REGRESS_METHOD: _check_regression}
        if task.method_name not in checks:
            raise StatusError.of(Status.UNIMPLEMENTED, f"Unsupported signature method_name: {task.method_name}")
        checks[task.method_name](servable, signature)
        signatures.append(signature)
    return signatures


def _signature(servable: Servable, spec: Any, check: Callable[[Servable, Signature], None]) -> Signature:
    name = spec.signature_name or DEFAULT_SIGNATURE
    signature = servable.signatures.get(name)
    if signature is None:
        raise InvalidRequestError(f"No signature was found with the name: {name}")
    check(servable, signature)
    return signature


def _check_classifier(servable: Servable, signature: Signature) -> None:
    if len(signature.inputs) != 1:
        raise InvalidRequestError("Expected one input Tensor.")
    if len(signature.outputs) not in (1, 2):
        raise InvalidRequestError(f"Expected one or two output Tensors, found {len(signature.outputs)}")
    definition = servable.signature_defs[signature.name]
    if INPUTS not in signature.inputs:
        raise InvalidRequestError(f"No classification inputs found in SignatureDef: {definition}")
    if not {CLASSES, SCORES} & signature.outputs.keys():
        raise InvalidRequestError(
            f'Expected classification signature outputs to contain at least one of "{CLASSES}" or "{SCORES}". '
            f"Signature was: {definition}"
        )


def _check_regression(servable: Servable, signature: Signature) -> None:
    if len(signature.inputs) != 1:
        raise InvalidRequestError("Expected one input Tensor.")
    if len(signature.outputs) != 1:
        raise InvalidRequestError("Expected one output Tensor.")
    definition = servable.signature_defs[signature.name]
    if INPUTS not in signature.inputs:
        raise InvalidRequestError(f"No regression inputs found in SignatureDef: {definition}")
    if OUTPUTS not in signature.outputs:
        raise InvalidRequestError(f"No regression outputs found in SignatureDef: {definition}")


def _serialized(asked: Any) -> list[bytes]:
    """The examples of an Input, the context in front of each."""
    context = b""
    if asked.WhichOneof("kind") == "example_list_with_context":
        context = asked.example_list_with_context.context.SerializeToString()
        examples = asked.example_list_with_context.examples
    else:
        examples = asked.example_list.examples
    if not examples:
        raise InvalidRequestError("Input is empty.")
    return [context + example.SerializeToString() for example in examples]


def _computed(
    servable: Servable, signature: Signature, examples: list[bytes], seconds: float | None
) -> dict[str, Array]:
    arrays = signature.check({INPUTS: strings(examples)})
    target = servable.target(signature, tuple(signature.outputs))
    return dict(zip(target.outputs, compute(servable, target, arrays, seconds), strict=True))


def _fill_spec(spec: Any, servable: Servable, signature: Signature) -> None:
    spec.name = servable.name
    spec.version.value = servable.version
    spec.signature_name = signature.name


def _fill_classes(result: Any, outputs: Mapping[str, Array], rows: int) -> None:
    classes, scores = outputs.get(CLASSES), outputs.get(SCORES)
    for name, array, kinds, wanted in ((CLASSES, classes, "O", "DT_STRING"), (SCORES, scores, "f", "DT_FLOAT")):
        if array is None:
            continue
        if array.ndim != 2:
            raise InvalidRequestError(f"Expected Tensor shape: [batch_size num_classes] but got {list(array.shape)}")
        if array.dtype.kind != kinds or (kinds == "f" and array.dtype != np.float32):
            raise InvalidRequestError(f"Expected {name} Tensor of {wanted}. Got: {array.dtype.name}")
        if len(array) != rows:
            raise InvalidRequestError(f"Expected {name} output batch size of {rows}. Got: {len(array)}")
    if classes is not None and scores is not None and classes.shape != scores.shape:
        raise InvalidRequestError(
            f"Tensors class and score should match in dim_size(1). Got {classes.shape[1]} vs. {scores.shape[1]}"
        )
    width = (classes if classes is not None else scores).shape[1]  # type: ignore[union-attr]
    for row in range(rows):
        entry = result.classifications.add()
        for column in range(width):
            found = entry.classes.add()
            if classes is not None:
                found.label = classes[row, column].decode("utf-8", "replace")
            if scores is not None:
                found.score = float(scores[row, column])


def _fill_values(result: Any, outputs: Mapping[str, Array], rows: int) -> None:
    array = outputs[OUTPUTS]
    if array.ndim != 1 and not (array.ndim == 2 and array.shape[1] == 1):
        raise InvalidRequestError(
            f"Expected output Tensor shape to be either [batch_size] or [batch_size, 1] but got {list(array.shape)}"
        )
    if len(array) != rows:
        raise InvalidRequestError(f"Input batch size did not match output batch size: {rows} vs. {len(array)}")
    if array.dtype != np.float32:
        raise InvalidRequestError(f"Expected output Tensor of DT_FLOAT.  Got: {array.dtype.name}")
    for value in array.ravel().tolist():
        result.regressions.add(value=value)


# JSON.


def input_from_json(body: bytes) -> tuple[str, Any]:
    """Signature name and Input of a REST request.

    Raises:
      InvalidRequestError: It is none.
    """
    document, name = named_document(body)
    asked = input_pb2.Input()
    examples = asked.example_list.examples
    if "context" in document:
        _fill_example(asked.example_list_with_context.context, document["context"])
        examples = asked.example_list_with_context.examples
    if "examples" not in document:
        raise InvalidRequestError(
            f"JSON Value: {shown(document)} When method is classify, key 'examples' is expected and was not found"
        )
    if type(document["examples"]) is not list:
        raise InvalidRequestError(f"JSON Value: {shown(document)} Expecting 'examples' value to be an list/array")
    if not document["examples"]:
        raise InvalidRequestError(f"JSON Value: {shown(document)} 'examples' value is an empty array")
    for value in document["examples"]:
        _fill_example(examples.add(), value)
    return name, asked


def _fill_example(example: example_pb2.Example, value: Any) -> None:
    if type(value) is not dict:
        raise InvalidRequestError(f"Example must be JSON object but got JSON {kind(value)}")
    for name, content in value.items():
        feature = example.features.feature[name]
        for item in content if type(content) is list else [content]:
            _add_value(feature, name, item)


def _add_value(feature: Any, name: str, value: Any) -> None:
    if type(value) is str or (type(value) is dict and is_base64(value)):
        _check_kind(feature, name, "bytes_list")
        feature.bytes_list.value.append(value.encode() if isinstance(value, str) else decoded_base64(value))
    elif type(value) in (bool, int):
        _check_kind(feature, name, "int64_list")
        if not -(1 << 63) <= value < 1 << 63:
            raise InvalidRequestError(f"Feature: {name} has uint64_t element. Only int64_t is supported.")
        feature.int64_list.value.append(int(value))
    elif type(value) is float:
        _check_kind(feature, name, "float_list")
        feature.float_list.value.append(value)
    else:
        raise InvalidRequestError(f"Feature: {name} has element with unexpected JSON type: {kind(value)}")


def _check_kind(feature: Any, name: str, wanted: str) -> None:
    present = feature.WhichOneof("kind")
    if present not in (None, wanted):
        raise InvalidRequestError(
            f"Unexpected element type in feature: {name} expecting type: {present.removesuffix('_list')}"
        )


def classification_json(response: Any) -> bytes:
    """`{"results": [[[label, score], ...], ...]}`."""
    return dumps(
        {
            "results": [
                [[found.label, np.float32(found.score)] for found in entry.classes]
                for entry in response.result.classifications
            ]
        }
    )


def regression_json(response: Any) -> bytes:
    """`{"results": [value, ...]}`."""
    return dumps({"results": [np.float32(entry.value) for entry in response.result.regressions]})
