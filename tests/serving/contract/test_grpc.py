"""Our server and TensorFlow Serving answer alike over gRPC: the stubs of tensorflow-serving-api on a real socket."""

from __future__ import annotations

import re

import grpc
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.framework import types_pb2
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_management_pb2,
    model_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
    regression_pb2,
)

from tests.serving.contract.grpc_cases import PREDICT_CASES

SECONDS = 30


@pytest.fixture(scope="module")
def channel(model_server):
    with grpc.insecure_channel(model_server.grpc) as channel:
        yield channel


@pytest.fixture(scope="module")
def predictions(channel):
    return prediction_service_pb2_grpc.PredictionServiceStub(channel)


@pytest.fixture(scope="module")
def models(channel):
    return model_service_pb2_grpc.ModelServiceStub(channel)


def spec(name="calculator", version=None, label=None, signature=""):
    made = model_pb2.ModelSpec(name=name, signature_name=signature)
    if version is not None:
        made.version.value = version
    if label is not None:
        made.version_label = label
    return made


def tensor(values):
    return tf.make_tensor_proto(values, tf.string if values.dtype == object else None)


def refusal(call, *arguments):
    with pytest.raises(grpc.RpcError) as refused:
        call(*arguments, timeout=SECONDS)
    return refused.value.code().name, refused.value.details()


@pytest.mark.parametrize("case", PREDICT_CASES, ids=lambda case: case.name.replace(" ", "-"))
def test_predict(case, predictions):
    request = predict_pb2.PredictRequest(output_filter=case.output_filter)
    if case.model is not None:
        request.model_spec.CopyFrom(spec(case.model, case.version, case.label, case.signature))
    for name, values in case.inputs.items():
        request.inputs[name].CopyFrom(tensor(values))
    if case.outputs is None:
        code, details = refusal(predictions.Predict, request)
        assert code == case.code, details
        assert re.search(case.error, details, re.DOTALL), details
        return
    answer = predictions.Predict(request, timeout=SECONDS)
    assert set(answer.outputs) == set(case.outputs)
    for name, expected in case.outputs.items():
        received = answer.outputs[name]
        assert received.tensor_content == b""  # typed fields, as clients read them
        array = tf.make_ndarray(received)
        assert array.dtype == expected.dtype
        np.testing.assert_array_equal(array, expected)
    assert answer.model_spec.name == case.model
    assert answer.model_spec.version.value == case.answered_version
    assert answer.model_spec.signature_name == (case.signature or "serving_default")


def test_inputs_may_come_as_bytes_of_the_tensor(predictions):
    request = predict_pb2.PredictRequest(model_spec=spec())
    request.inputs["x"].CopyFrom(
        tf.make_tensor_proto(np.array([3, -4], np.float32))  # numpy arrays are written as tensor_content
    )
    assert request.inputs["x"].tensor_content
    assert list(predictions.Predict(request, timeout=SECONDS).outputs["y"].float_val) == [1.5, -2.0]
    del request.inputs["x"]
    request.inputs["x"].CopyFrom(tf.make_tensor_proto(3.0, tf.float32, [4]))  # one value for four
    assert len(request.inputs["x"].float_val) == 1
    assert list(predictions.Predict(request, timeout=SECONDS).outputs["y"].float_val) == [1.5] * 4


@pytest.mark.parametrize(
    "fields",
    [
        {"dtype": types_pb2.DT_FLOAT, "tensor_content": b"\x00" * 7, "tensor_shape": {"dim": [{"size": 2}]}},
        {"dtype": types_pb2.DT_FLOAT, "float_val": [1], "tensor_shape": {"dim": [{"size": -1}]}},
        {"dtype": types_pb2.DT_FLOAT, "float_val": [1], "tensor_shape": {"dim": [{"size": 2**40}, {"size": 2**40}]}},
        {"dtype": types_pb2.DT_INVALID},
        {"dtype": 4711, "float_val": [1]},
    ],
    ids=["short", "negative", "huge", "no-dtype", "unknown-dtype"],
)
def test_a_tensor_that_cannot_be(fields, predictions):
    request = predict_pb2.PredictRequest(model_spec=spec())
    request.inputs["x"].SetInParent()
    for key, value in fields.items():
        if key == "tensor_shape":
            for dimension in value["dim"]:
                request.inputs["x"].tensor_shape.dim.add(**dimension)
        elif isinstance(value, list):
            getattr(request.inputs["x"], key).extend(value)
        else:
            setattr(request.inputs["x"], key, value)
    assert refusal(predictions.Predict, request)[0] == "INVALID_ARGUMENT"


def test_metadata(predictions):
    request = get_model_metadata_pb2.GetModelMetadataRequest(model_spec=spec(), metadata_field=["signature_def"])
    answer = predictions.GetModelMetadata(request, timeout=SECONDS)
    assert (answer.model_spec.name, answer.model_spec.version.value) == ("calculator", 2)
    signatures = get_model_metadata_pb2.SignatureDefMap()
    assert answer.metadata["signature_def"].Unpack(signatures)
    divide = signatures.signature_def["divide"]
    assert divide.method_name == "tensorflow/serving/predict"
    assert {name: info.dtype for name, info in divide.inputs.items()} == dict.fromkeys("ab", types_pb2.DT_FLOAT)
    assert [dimension.size for dimension in divide.outputs["quotient"].tensor_shape.dim] == [-1]


@pytest.mark.parametrize(
    ("fields", "model", "code"),
    [
        ([], "calculator", "INVALID_ARGUMENT"),
        (["mood"], "calculator", "INVALID_ARGUMENT"),
        (["signature_def"], "nobody", "NOT_FOUND"),
    ],
)
def test_metadata_refused(fields, model, code, predictions):
    request = get_model_metadata_pb2.GetModelMetadataRequest(model_spec=spec(model), metadata_field=fields)
    assert refusal(predictions.GetModelMetadata, request)[0] == code


def test_status(models):
    answer = models.GetModelStatus(get_model_status_pb2.GetModelStatusRequest(model_spec=spec()), timeout=SECONDS)
    available = get_model_status_pb2.ModelVersionStatus.AVAILABLE
    assert [(one.version, one.state) for one in answer.model_version_status] == [(2, available), (1, available)]
    one = models.GetModelStatus(get_model_status_pb2.GetModelStatusRequest(model_spec=spec(version=1)), timeout=SECONDS)
    assert [one.version for one in one.model_version_status] == [1]


@pytest.mark.parametrize(
    ("asked", "code", "error"),
    [
        ({"model_spec": spec("nobody")}, "NOT_FOUND", "^Could not find any versions of model nobody$"),
        ({"model_spec": spec(version=99)}, "NOT_FOUND", "^Could not find version 99 of model calculator$"),
        ({}, "INVALID_ARGUMENT", "^Missing ModelSpec$"),
    ],
)
def test_status_refused(asked, code, error, models):
    received, details = refusal(models.GetModelStatus, get_model_status_pb2.GetModelStatusRequest(**asked))
    assert received == code
    assert re.search(error, details)


def test_classify_and_regress_of_a_model_without_them(predictions):
    for request, call, said in (
        (classification_pb2.ClassificationRequest, predictions.Classify, "classification"),
        (regression_pb2.RegressionRequest, predictions.Regress, "regression"),
    ):
        asked = request(model_spec=spec())
        example = asked.input.example_list.examples.add()
        example.features.feature["x"].float_list.value.append(1.0)
        code, details = refusal(call, asked)
        assert code == "INVALID_ARGUMENT"
        assert said in details


def test_a_long_message_is_cut(predictions):
    request = predict_pb2.PredictRequest(model_spec=spec("n" * 5000))
    code, details = refusal(predictions.Predict, request)
    assert code == "NOT_FOUND"
    assert details.endswith("...TRUNCATED")
    assert len(details) <= 1024 + len("...TRUNCATED")


def test_a_configuration_that_is_none_is_refused_and_changes_nothing(models, predictions):
    code, details = refusal(models.HandleReloadConfigRequest, model_management_pb2.ReloadConfigRequest())
    assert code == "INVALID_ARGUMENT"
    assert details.startswith("ServerModelConfig type not supported by HandleReloadConfigRequest.")
    request = predict_pb2.PredictRequest(model_spec=spec(version=1))
    request.inputs["x"].CopyFrom(tf.make_tensor_proto(np.ones(1, np.float32)))
    assert list(predictions.Predict(request, timeout=SECONDS).outputs["y"].float_val) == [10.0]
