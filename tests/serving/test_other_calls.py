"""Calls beside Predict that answer: Classify, Regress, MultiInference, reflection; and a server without a website."""

import grpc
import httpx
import pytest
from google.protobuf import descriptor_pb2
from grpc_reflection.v1alpha import reflection_pb2
from tensorflow_serving.apis import classification_pb2, inference_pb2, regression_pb2

from tests.serving.asking import PREDICT, address, is_well, predictions, serving
from tests.serving.tiny_models import publish, save_odd


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    base = tmp_path_factory.mktemp("base")
    publish(save_odd(tmp_path_factory.mktemp("model") / "odd"), base, 3)
    return base


@pytest.fixture(scope="module")
def server(base):
    with serving(base) as server:
        yield server


def with_examples(request, signature=None):
    """Examples with x = 0.25 and x = 0.75."""
    if signature is not None:
        request.model_spec.name, request.model_spec.signature_name = "odd", signature
    for value in (0.25, 0.75):
        example = request.input.example_list.examples.add()
        example.features.feature["x"].float_list.value.append(value)
    return request


def check_classes(result):
    found = [[(one.label, one.score) for one in entry.classes] for entry in result.classifications]
    assert found == [[("yes", 0.25), ("no", 0.75)], [("yes", 0.75), ("no", 0.25)]]


def check_values(result):
    assert [entry.value for entry in result.regressions] == [0.5, 1.5]  # twice x


def test_classify_and_regress_answer_over_grpc(server):
    with predictions(server) as stub:
        classified = stub.Classify(with_examples(classification_pb2.ClassificationRequest(), "classify"), timeout=60)
        check_classes(classified.result)
        assert (classified.model_spec.name, classified.model_spec.version.value) == ("odd", 3)
        regressed = stub.Regress(with_examples(regression_pb2.RegressionRequest(), "regress"), timeout=60)
        check_values(regressed.result)
        assert regressed.model_spec.signature_name == "regress"


def test_classify_and_regress_answer_over_rest(server):
    question = {"examples": [{"x": 0.25}, {"x": [0.75]}]}
    url = address(server) + "/v1/models/odd"
    classified = httpx.post(f"{url}:classify", json={"signature_name": "classify", **question}, timeout=60)
    assert classified.json() == {"results": [[["yes", 0.25], ["no", 0.75]], [["yes", 0.75], ["no", 0.25]]]}
    regressed = httpx.post(f"{url}/versions/3:regress", json={"signature_name": "regress", **question}, timeout=60)
    assert regressed.json() == {"results": [0.5, 1.5]}


def test_the_context_stands_before_each_example(server):
    request = regression_pb2.RegressionRequest()
    request.model_spec.name, request.model_spec.signature_name = "odd", "regress"
    with_context = request.input.example_list_with_context
    with_context.context.features.feature["x"].float_list.value.append(4.0)
    with_context.examples.add()
    own = with_context.examples.add()
    own.features.feature["x"].float_list.value.append(5.0)
    with predictions(server) as stub:
        answer = stub.Regress(request, timeout=60)
    assert [entry.value for entry in answer.result.regressions] == [8.0, 10.0]


def multi_inference(*tasks):
    request = with_examples(inference_pb2.MultiInferenceRequest())
    for signature, method in tasks:
        task = request.tasks.add(method_name=f"tensorflow/serving/{method}")
        task.model_spec.name, task.model_spec.signature_name = "odd", signature
    return request


def test_multi_inference_answers_task_by_task(server):
    with predictions(server) as stub:
        answer = stub.MultiInference(multi_inference(("classify", "classify"), ("regress", "regress")), timeout=60)
    first, second = answer.results
    check_classes(first.classification_result)
    check_values(second.regression_result)
    assert [one.model_spec.signature_name for one in answer.results] == ["classify", "regress"]


@pytest.mark.parametrize(
    ("tasks", "code", "text"),
    [
        ([("classify", "classify")] * 2, "INVALID_ARGUMENT", "Duplicate evaluation of signature: classify"),
        ([("gone", "classify")], "INVALID_ARGUMENT", "Requested signature not found in model graph: gone"),
        ([("classify", "predict")], "UNIMPLEMENTED", "Unsupported signature method_name: tensorflow/serving/predict"),
        ([("regress", "classify")], "INVALID_ARGUMENT", "Expected classification signature outputs"),
        ([], "INVALID_ARGUMENT", "ModelSpec has no name specified."),
    ],
)
def test_multi_inference_refused(server, tasks, code, text):
    with predictions(server) as stub, pytest.raises(grpc.RpcError) as error:
        stub.MultiInference(multi_inference(*tasks), timeout=60)
    assert error.value.code().name == code
    assert text in error.value.details()


@pytest.mark.parametrize("version", ["v1", "v1alpha"])
def test_reflection_tells_services_and_messages(server, version):
    with grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}") as channel:
        ask = channel.stream_stream(
            f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo",
            request_serializer=reflection_pb2.ServerReflectionRequest.SerializeToString,
            response_deserializer=reflection_pb2.ServerReflectionResponse.FromString,
        )
        wanted = "tensorflow.serving.PredictionService"
        requests = [
            reflection_pb2.ServerReflectionRequest(list_services=""),
            reflection_pb2.ServerReflectionRequest(file_containing_symbol=wanted),
        ]
        listed, described = ask(iter(requests), timeout=60)
    assert {service.name for service in listed.list_services_response.service} >= {
        wanted,
        "tensorflow.serving.ModelService",
        "grpc.health.v1.Health",
        f"grpc.reflection.{version}.ServerReflection",
    }
    files = [
        descriptor_pb2.FileDescriptorProto.FromString(file)
        for file in described.file_descriptor_response.file_descriptor_proto
    ]
    assert "PredictionService" in {service.name for file in files for service in file.service}


def test_without_a_website_there_is_the_api_alone(base):
    with serving(base, with_website=False) as server:
        assert is_well(server)
        for path in ("/", "/app.js", "/catalogue.json", "/openapi.json"):
            answer = httpx.get(address(server) + path)
            assert (answer.status_code, answer.json()) == (404, {"error": f"Not Found: {path}"})
        assert not any(line.startswith("page") for line in server.description())
        assert any(PREDICT in line for line in server.description())
