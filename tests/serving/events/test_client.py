"""The typed client tells, lists and forgets events, over REST and gRPC alike."""

from __future__ import annotations

import pytest

from serving.client import RecommenderClient
from serving.errors import InvalidRequestError, NotFoundError
from serving.models.config import ModelConfig
from serving.server import EventsConfig, ServerConfig, running


@pytest.fixture(params=["rest", "grpc"])
def client(request, bundle_folder, tmp_path):
    config = ServerConfig(
        models=(ModelConfig(name="recommender", base_path=bundle_folder),),
        rest_port=0,
        grpc_port=0,
        events=EventsConfig(url=f"sqlite:///{tmp_path}/events.db"),
    )
    with running(config) as server:
        address = {"rest": f"http://127.0.0.1:{server.rest_port}", "grpc": f"grpc://127.0.0.1:{server.grpc_port}"}
        with RecommenderClient(address[request.param]) as client:
            yield client


def test_events_of_a_person(client):
    told = {"user": "a/é", "item": "m3", "event": "purchase", "timestamp": 12.5, "rating": 2.0, "id": "x"}

    assert client.add_events([told, {"user": "a/é", "item": "m4"}, told]) == (2, 1)

    first, second = client.user_events("a/é")
    assert first == told | {"request_id": ""}
    assert (second["item"], second["event"], second["rating"], len(second["id"])) == ("m4", "view", None, 32)
    assert client.recommend(["a/é"])[0].source == "history"
    assert (client.erase_events("a/é"), client.user_events("a/é")) == (2, [])


def test_what_cannot_be_an_event(client):
    with pytest.raises(InvalidRequestError, match="item"):
        client.add_events([{"user": "a"}])
    with pytest.raises(InvalidRequestError):
        client.add_events([{"user": "a", "item": "b", "when": 3}])


def test_a_server_that_keeps_none(bundle_folder):
    config = ServerConfig(models=(ModelConfig(name="recommender", base_path=bundle_folder),), rest_port=0, grpc_port=0)
    with running(config) as server:
        for address in (f"http://127.0.0.1:{server.rest_port}", f"grpc://127.0.0.1:{server.grpc_port}"):
            with RecommenderClient(address) as client, pytest.raises(NotFoundError, match="--event-store"):
                client.add_events([{"user": "a", "item": "b"}])
