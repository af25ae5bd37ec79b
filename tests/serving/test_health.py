"""What the probes say, in every state that a server can be in; and that a port which is open is answered on."""

import dataclasses
import shutil
import threading

import grpc
import httpx
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from serving.errors import UnavailableError
from serving.health_check import main as health_check
from serving.models.config import ModelConfig, VersionPolicy
from serving.models.registry import VersionsConfig
from serving.server import ModelServer, ServerConfig, running
from tests.serving.asking import PREDICT, address, ask, grpc_request, predictions, wait_for
from tests.serving.tiny_models import publish, save_odd

QUICK = VersionsConfig(poll_seconds=0.05, settle_seconds=0.05)
SERVING, NOT_SERVING = 1, 2


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return save_odd(tmp_path_factory.mktemp("model") / "odd")


@pytest.fixture
def base(model, tmp_path):
    base = tmp_path / "base"
    base.mkdir()
    publish(model, base, 1)
    return base


def config(*models, **options):
    return ServerConfig(models=models, rest_port=0, grpc_port=0, versions=QUICK, **options)


def ready(server):
    answer = httpx.get(f"{address(server)}/v1/health/ready", timeout=60)
    return answer.status_code, answer.json()


def grpc_health(server, service=""):
    with grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}") as channel:
        return (
            health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(service=service), timeout=60).status
        )


def is_ready(server):
    """Whether it is, by all that tell it, which agree as soon as gRPC's health has been told."""
    code, answer = ready(server)
    wait_for(lambda: (grpc_health(server) == SERVING) is (ready(server)[0] == 200))
    page = httpx.get(f"{address(server)}/monitoring/prometheus/metrics", timeout=60).text
    assert f"recommender_ready {1.0 if code == 200 else 0.0}" in page
    assert health_check([f"127.0.0.1:{server.grpc_port}"]) == (0 if code == 200 else 1)
    assert httpx.get(f"{address(server)}/v1/health/live", timeout=60).status_code == 200
    return answer["status"] == "SERVING"


def test_a_server_whose_versions_are_all_deleted_is_not_ready_and_is_again(base, model):
    with running(config(ModelConfig(name="odd", base_path=base))) as server:
        assert is_ready(server)
        shutil.rmtree(base / "1")
        wait_for(lambda: ready(server)[0] == 503)
        assert ready(server)[1] == {"status": "NOT_SERVING", "reasons": ["model odd: no version answers"]}
        assert not is_ready(server)
        assert httpx.get(f"{address(server)}/v1/health/ready").headers["retry-after"] == "1"
        assert ask(server, 1).status_code == 404
        publish(model, base, 2)
        wait_for(lambda: ready(server)[0] == 200)
        assert is_ready(server)


def test_a_server_is_ready_when_every_model_and_every_label_has_a_version(base, model, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    labelled = ModelConfig(name="odd", base_path=base, policy=VersionPolicy(all=True), labels={"canary": 2})
    options = dataclasses.replace(QUICK, allow_labels_for_unavailable=True)
    server = ModelServer(
        dataclasses.replace(config(labelled, ModelConfig(name="other", base_path=other)), versions=options)
    )
    starting = threading.Thread(target=server.start)
    starting.start()
    try:
        wait_for(lambda: server.models.latest("odd") is not None)
        canary = "model odd: version 2, label canary, does not answer"
        assert ready(server) == (503, {"status": "NOT_SERVING", "reasons": ["model other: no version answers", canary]})
        publish(model, other, 7)
        starting.join()
        assert ready(server)[1]["reasons"] == [canary]
        assert not is_ready(server)
        publish(model, base, 2)
        wait_for(lambda: ready(server)[0] == 200)
        assert is_ready(server)
    finally:
        server.stop()


def test_a_port_is_answered_on_before_a_model_is_loaded(base, caplog):
    server = ModelServer(config(ModelConfig(name="odd", base_path=base)))
    loading, may_load, load = threading.Event(), threading.Event(), server.models._load
    server.models._load = lambda *arguments: loading.set() or (may_load.wait() and load(*arguments))
    starting = threading.Thread(target=server.start)
    starting.start()
    try:
        assert loading.wait(60)
        assert not is_ready(server)
        assert [
            record for record in caplog.records if record.name == "serving.calls.call"
        ] == []  # a probe is no failure
        refused = ask(server, 1)
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
        assert refused.json()["error"] == "Servable is being loaded: Latest(odd)"
        with predictions(server) as stub, pytest.raises(grpc.RpcError) as error:
            stub.Predict(grpc_request(1.0), timeout=60)
        assert error.value.code() is grpc.StatusCode.UNAVAILABLE
        with pytest.raises(UnavailableError):
            server.models.find("odd")
        assert httpx.post(f"{address(server)}{PREDICT.replace('odd', 'nobody')}", json={}).status_code == 404
        may_load.set()
        starting.join()
        assert is_ready(server)
        assert ask(server, 1).json() == {"predictions": [2.0]}
    finally:
        may_load.set()
        server.stop()


def test_the_reasons_are_told_to_whom_may_ask_and_the_state_to_everybody(base, tmp_path):
    tokens = tmp_path / "tokens"
    tokens.write_text("secret")
    with running(config(ModelConfig(name="odd", base_path=base), token_file=tokens)) as server:
        shutil.rmtree(base / "1")
        wait_for(lambda: ready(server)[0] == 503)
        assert ready(server)[1] == {"status": "NOT_SERVING"}
        told = httpx.get(f"{address(server)}/v1/health/ready", headers={"Authorization": "Bearer secret"}).json()
        assert told["reasons"] == ["model odd: no version answers"]
        assert health_check([f"127.0.0.1:{server.grpc_port}"]) == 1


def test_health_takes_get_and_head_alone(base):
    with running(config(ModelConfig(name="odd", base_path=base))) as server:
        assert httpx.head(f"{address(server)}/v1/health/ready").status_code == 200
        refused = httpx.post(f"{address(server)}/v1/health/live", content=b"{}")
        assert (refused.status_code, refused.headers["allow"]) == (405, "GET, HEAD")


def test_nobody_there_is_not_ready():
    assert health_check(["127.0.0.1:1"]) == 1


def test_versions_of_several_models_are_loaded_side_by_side(base, model, tmp_path):
    """Each load waits for the other to have begun."""
    other = tmp_path / "other"
    other.mkdir()
    publish(model, other, 1)
    server = ModelServer(config(ModelConfig(name="odd", base_path=base), ModelConfig(name="other", base_path=other)))
    both, load = threading.Barrier(2, timeout=60), server.models._load
    server.models._load = lambda *arguments: (both.wait(), load(*arguments))[1]
    try:
        server.start()
        assert {servable.name for servable in server.models.available()} == {"odd", "other"}
    finally:
        server.stop()
