"""What gRPC's reflection tells of the server: enough to ask it without having its protos."""

import grpc
import pytest
from google.protobuf import descriptor_pb2
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

SERVICES = {
    "PredictionService": {"Classify", "Regress", "Predict", "MultiInference", "GetModelMetadata"},
    "ModelService": {"GetModelStatus", "HandleReloadConfigRequest"},
}


def ask(server, **question):
    with grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}") as channel:
        stub = reflection_pb2_grpc.ServerReflectionStub(channel)
        (answer,) = stub.ServerReflectionInfo(iter([reflection_pb2.ServerReflectionRequest(**question)]), timeout=20)
    return answer


def described_file(server, symbol):
    answer = ask(server, file_containing_symbol=symbol)
    files = [
        descriptor_pb2.FileDescriptorProto.FromString(file)
        for file in answer.file_descriptor_response.file_descriptor_proto
    ]
    return files[0]


def test_every_service_is_listed(server):
    listed = {service.name for service in ask(server, list_services="").list_services_response.service}
    assert listed == {
        "tensorflow.serving.PredictionService",
        "tensorflow.serving.ModelService",
        "tfx_recommenders.EventService",
        "grpc.health.v1.Health",
        "grpc.reflection.v1.ServerReflection",
        "grpc.reflection.v1alpha.ServerReflection",
    }


@pytest.mark.parametrize("service", SERVICES)
def test_the_methods_of_a_service_are_described(server, service):
    (described,) = described_file(server, f"tensorflow.serving.{service}").service
    assert {method.name for method in described.method} == SERVICES[service]


def test_the_messages_of_a_method_are_described_down_to_the_tensors(server):
    (method,) = [
        method
        for method in described_file(server, "tensorflow.serving.PredictionService").service[0].method
        if method.name == "Predict"
    ]
    file = described_file(server, method.input_type.removeprefix("."))
    (request,) = [message for message in file.message_type if message.name == "PredictRequest"]
    assert {field.name for field in request.field} >= {"model_spec", "inputs", "output_filter"}
    assert described_file(server, "tensorflow.TensorProto").name == "tensorflow/core/framework/tensor.proto"


def test_health_is_described(server):
    assert described_file(server, "grpc.health.v1.Health").service[0].name == "Health"
