"""A bundle served over real sockets: REST and gRPC answer what the bundle answers in process."""

import grpc
import httpx
import pytest
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

from serving.model import LoadedBundle
from serving.models.config import ModelConfig
from serving.server import ModelServer, PortError, ServerConfig


@pytest.fixture(scope="module")
def direct(bundle_folder):
    return LoadedBundle(bundle_folder / "7").recommend(["ann"])[0]


def test_rest_answers_what_the_bundle_answers(server, direct):
    answer = httpx.post(
        f"http://127.0.0.1:{server.rest_port}/v1/models/recommender:predict", json={"instances": ["ann"]}
    )
    assert answer.status_code == 200
    (found,) = answer.json()["predictions"]
    assert found["item_ids"] == [item.id for item in direct.items]
    assert found["titles"] == [item.title for item in direct.items]
    assert found["scores"] == pytest.approx([item.score for item in direct.items])
    assert found["source"] == "model"


def test_grpc_answers_what_the_bundle_answers(server, direct):
    request = predict_pb2.PredictRequest()
    request.model_spec.name = "recommender"
    request.inputs["user_id"].dtype = 7
    request.inputs["user_id"].tensor_shape.dim.add(size=1)
    request.inputs["user_id"].string_val.append(b"ann")
    with grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}") as channel:
        answer = prediction_service_pb2_grpc.PredictionServiceStub(channel).Predict(request, timeout=10)
    assert list(answer.outputs["item_ids"].string_val) == [item.id.encode() for item in direct.items]
    assert list(answer.outputs["scores"].float_val) == pytest.approx([item.score for item in direct.items])
    assert (answer.model_spec.version.value, answer.model_spec.signature_name) == (7, "serving_default")


@pytest.mark.parametrize("which", ["rest", "grpc"])
def test_a_second_server_on_the_port_is_refused(server, bundle_folder, which):
    ports = {"rest_port": None, "grpc_port": None, f"{which}_port": getattr(server, f"{which}_port")}
    with pytest.raises(PortError, match=str(ports[f"{which}_port"])):
        ModelServer(ServerConfig(models=(ModelConfig(name="recommender", base_path=bundle_folder),), **ports))
