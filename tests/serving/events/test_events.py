"""Events count in the next answer: over REST and gRPC, for known and new people, and for nobody else."""

from __future__ import annotations

import contextlib
import json
import time

import grpc
import httpx
import pytest
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

from serving.events.desk import PAUSE_SECONDS, READ_SECONDS
from serving.events.messages import EVENT_SERVICE, METHODS, message
from serving.events.store import StoreError
from serving.models.config import ModelConfig
from serving.server import EventsConfig, ServerConfig, running
from tests.serving.conftest import small_bundle
from tests.serving.events.stores import store_url


@contextlib.contextmanager
def serving(base, folder, kind="sqlite", **options):
    with store_url(kind, folder) as url:
        config = ServerConfig(
            models=(ModelConfig(name="recommender", base_path=base),),
            rest_port=0,
            grpc_port=0,
            events=EventsConfig(url=url, **options),
        )
        with running(config) as server:
            server.url = f"http://127.0.0.1:{server.rest_port}"
            yield server


@pytest.fixture(params=["sqlite", "postgresql", "redis"])
def server(request, bundle_folder, tmp_path):
    with serving(bundle_folder, tmp_path, request.param) as server:
        yield server


@pytest.fixture
def quick(bundle_folder, tmp_path):
    """A server whose store is a file."""
    with serving(bundle_folder, tmp_path) as server:
        yield server


def post(server, *events, **options):
    return httpx.post(f"{server.url}/v1/events", json={"events": list(events)}, timeout=60, **options)


def ask(server, instances, signature="serving_default", code=200):
    body = {"signature_name": signature, "instances": instances}
    answer = httpx.post(f"{server.url}/v1/models/recommender:predict", json=body, timeout=60)
    assert answer.status_code == code, answer.text
    return Alike(answer.json()["predictions"])


class Alike(list):
    """Answers that equal others but for the last bits of floats: a product of another size may round otherwise."""

    def __eq__(self, other):
        return len(self) == len(other) and all(map(alike, self, other))

    def __ne__(self, other):
        return not self == other


def alike(one, other):
    floats = ("scores", "predicted_ratings")
    return {name: one[name] for name in one.keys() - floats} == {
        name: other[name] for name in other.keys() - floats
    } and all(one[name] == pytest.approx(other[name], rel=1e-5, abs=1e-6) for name in floats)


def question(user="", history=(), ratings=(), n=0):
    lists = {name: [] for name in ("exclude_item_ids", "allow_item_ids", "filters", "user_features", "context")}
    told = {"history_item_ids": list(history), "history_ratings": list(ratings)}
    return {"user_id": user, **told, **lists, "n": n}


def event_method(server, name):
    channel = grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}")
    asked, answered = (message(one) for one in METHODS[name])

    def call(**fields):
        with channel:
            method = channel.unary_unary(f"/{EVENT_SERVICE}/{name}", asked.SerializeToString, answered.FromString)
            return method(asked(**fields), timeout=60)

    return call


def test_an_event_is_in_the_next_answer_of_a_known_person(server):
    """Of ann the bundle knows m0 and m1; what she did since stands behind them and leaves the lists."""
    before = ask(server, ["ann"])
    assert post(server, {"user": "ann", "item": "m5"}).json() == {"stored": 1, "repeated": 0}

    (after,) = ask(server, ["ann"])

    (told,) = ask(server, [question("ann", ["m0", "m1", "m5"])], "recommend")
    assert alike(after, told) and not alike(after, before[0])
    assert "m5" not in after["item_ids"] and after["source"] == "history"


def test_an_event_is_in_the_next_answer_of_a_new_person(server):
    (stranger,) = ask(server, ["new"])
    post(server, {"user": "new", "item": "m3", "timestamp": 10}, {"user": "new", "item": "m4", "timestamp": 5})

    (after,) = ask(server, ["new"])

    assert stranger["source"] == "popularity"
    assert ask(server, [question("new", ["m4", "m3"])], "recommend") == [after]


def test_grpc_keeps_lists_and_forgets_as_rest_does(server):
    told = [{"user": "new", "item": "m3", "event": "purchase", "rating": 4.5, "timestamp": 7.0, "request_id": "r"}]
    assert post(server, *told).json() == {"stored": 1, "repeated": 0}
    added = event_method(server, "AddEvents")(events=[{"user": "new", "item": "m4", "id": "x"}] * 2)
    assert (added.stored, added.repeated) == (1, 1)

    listed = event_method(server, "UserEvents")(user="new").events
    same = httpx.get(f"{server.url}/v1/users/new/events").json()["events"]

    assert [one.item for one in listed] == [one["item"] for one in same] == ["m3", "m4"]
    assert told[0].items() <= same[0].items()
    assert (listed[0].rating, listed[1].HasField("rating"), listed[1].id) == (4.5, False, "x")
    assert abs(same[1]["timestamp"] - time.time()) < 3600
    assert event_method(server, "EraseEvents")(user="new").erased == 2
    assert httpx.request("DELETE", f"{server.url}/v1/users/new/events").json() == {"erased": 0}
    assert ask(server, ["new"])[0]["source"] == "popularity"


def test_people_of_one_request_get_what_each_would_get_alone(quick):
    post(quick, {"user": "ann", "item": "m5"}, {"user": "new", "item": "m2"})
    people = ["ann", "bob", "", "new", "ann"]

    together = ask(quick, people)

    assert together == [ask(quick, [person])[0] for person in people]
    assert [one["source"] for one in together] == ["history", "model", "popularity", "history", "history"]


def test_a_history_that_is_told_stands_alone(quick):
    post(quick, {"user": "ann", "item": "m5"})

    told, merged = ask(quick, [question("ann", ["m7", "m2"], n=8), question("ann", ["", ""], n=8)], "recommend")

    assert (told["count"], "m5" in told["item_ids"]) == (4, True)  # without m0, m1 of the bundle, m7 and m2
    assert (merged["count"], "m5" in merged["item_ids"]) == (5, False)


def test_explanations_know_the_events(quick):
    post(quick, {"user": "new", "item": "m3"})

    asked = {"user_id": "new", "history_item_ids": [], "history_ratings": [], "item_id": "m6"}

    assert ask(quick, [asked], "explain")[0]["item_ids"][0] == "m3"


def test_grpc_answers_follow_from_events_and_keep_their_signature(quick):
    post(quick, {"user": "new", "item": "m3"})
    request = predict_pb2.PredictRequest()
    request.model_spec.name = "recommender"
    request.inputs["user_id"].CopyFrom(tf.make_tensor_proto(["new"]))
    with grpc.insecure_channel(f"127.0.0.1:{quick.grpc_port}") as channel:
        answer = prediction_service_pb2_grpc.PredictionServiceStub(channel).Predict(request, timeout=60)
    values = {name: tf.make_ndarray(proto).tolist()[0] for name, proto in answer.outputs.items()}
    (over_rest,) = ask(quick, ["new"])
    assert values["source"] == b"history" and answer.model_spec.signature_name == "serving_default"
    assert [one.decode() for one in values["item_ids"]] == over_rest["item_ids"]
    assert values.keys() == over_rest.keys()


def test_other_kinds_are_kept_and_do_not_count(bundle_folder, tmp_path):
    with serving(bundle_folder, tmp_path, kinds=("purchase",)) as server:
        post(server, {"user": "new", "item": "m3", "event": "impression"})
        assert ask(server, ["new"])[0]["source"] == "popularity"
        post(server, {"user": "new", "item": "m4", "event": "purchase"})
        assert ask(server, ["new"]) == ask(server, [question("new", ["m4"])], "recommend")


def test_what_the_bundle_was_trained_on_counts_once(tmp_path):
    """A version that was made after the export knows ann's m0 already; an event after its newest row is news."""
    small_bundle(tmp_path / "models" / "7")
    facts = tmp_path / "models" / "7" / "assets.extra" / "bundle.json"
    facts.parent.mkdir(exist_ok=True)
    facts.write_text(json.dumps({"newest_row": 1000, "history_length": 3}))
    with serving(tmp_path / "models", tmp_path) as server:
        asked = {"user_id": "ann", "history_item_ids": [], "history_ratings": [], "item_id": "m6"}
        post(server, {"user": "ann", "item": "m0", "timestamp": 900}, {"user": "ann", "item": "m4", "timestamp": 901})
        assert ask(server, ["ann"]) == ask(server, [question("ann", ["m0", "m1", "m4"])], "recommend")
        post(server, {"user": "ann", "item": "m0", "timestamp": 2000})
        assert ask(server, ["ann"]) == ask(server, [question("ann", ["m1", "m4", "m0"])], "recommend")
        assert ask(server, [asked], "explain")[0]["item_ids"][0] == "m0"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, 'Expected {"events"'),
        ({"events": []}, "has 0 events, and this server takes 1 to 1000"),
        ({"events": [{"user": "a", "item": "b"}], "more": 1}, 'Expected {"events"'),
        ({"events": [{"user": "a", "item": "b"}, {"user": "a"}]}, "events[1].item: expected a text, not empty"),
        ({"events": [{"user": "a", "item": 7}]}, "events[0].item: expected a text, not empty. Received: 7"),
        ({"events": [{"user": "a", "item": "b", "at": 1}]}, 'unknown field "at". Expected: user, item'),
        ({"events": [{"user": "a", "item": "b", "timestamp": 1732900000000}]}, "(milliseconds?)"),
        ({"events": [{"user": "a", "item": "b", "timestamp": -1}]}, "seconds since 1970"),
        ({"events": [{"user": "a", "item": "b", "rating": True}]}, "events[0].rating: expected a finite number"),
        ({"events": [{"user": "a", "item": "b" * 600}]}, "at most 512 bytes"),
        ({"events": [{"user": "a\0", "item": "b"}]}, "without NUL"),
        ({"events": [{"user": "a", "item": "b"}] * 1001}, "1001 events, and this server takes 1 to 1000"),
        ({"events": ["a"]}, "events[0]: expected an object"),
    ],
)
def test_requests_that_cannot_be_taken_are_refused_whole(quick, body, words):
    answer = httpx.post(f"{quick.url}/v1/events", json=body)
    assert (answer.status_code, words in answer.json()["error"]) == (400, True), answer.text
    assert httpx.get(f"{quick.url}/v1/users/a/events").json() == {"events": []}


def test_addresses_of_events(quick):
    assert httpx.get(f"{quick.url}/v1/events").status_code == 400
    assert httpx.post(f"{quick.url}/v1/users/a/events").status_code == 400
    assert httpx.get(f"{quick.url}/v1/users/%FF/events").status_code == 400
    post(quick, {"user": "a/b é", "item": "m1"})
    assert len(httpx.get(f"{quick.url}/v1/users/a%2Fb%20%C3%A9/events").json()["events"]) == 1


def test_a_server_without_a_store_says_so(bundle_folder):
    config = ServerConfig(models=(ModelConfig(name="recommender", base_path=bundle_folder),), rest_port=0, grpc_port=0)
    with running(config) as server:
        server.url = f"http://127.0.0.1:{server.rest_port}"
        answer = post(server, {"user": "a", "item": "b"})
        with pytest.raises(grpc.RpcError) as caught:
            event_method(server, "AddEvents")(events=[{"user": "a", "item": "b"}])
    assert answer.status_code == 404 and "--event-store" in answer.json()["error"]
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND


def test_people_without_text_ids_and_odd_ones_are_answered(quick):
    post(quick, {"user": "ann", "item": "m5"})
    odd = [{"b64": "/w=="}, "a\0b", "x" * 5000, ""]
    assert [one["source"] for one in ask(quick, odd)] == ["popularity"] * 4
    assert httpx.get(f"{quick.url}/v1/health/ready").json() == {"status": "SERVING"}


class Broken:
    """Stands for the store of a server while it is away."""

    def __init__(self, server, work):
        self._desk = server._desk
        self._work = work

    def __enter__(self):
        self.store = self._desk.store
        self._desk.store = self
        return self

    def __exit__(self, *details):
        self._desk.store = self.store

    def add(self, events):
        raise StoreError("no disk")

    def latest(self, users, most, kinds=()):
        return self._work()


def test_a_store_that_is_away_fails_no_answer(quick):
    post(quick, {"user": "ann", "item": "m5"})
    with_event = ask(quick, ["ann"])
    hung = time.monotonic()

    def fail():
        raise StoreError("no route to host")

    def hang():
        time.sleep(4 * READ_SECONDS)
        raise StoreError("timed out")

    for work, words in ((fail, "no route to host"), (hang, f"no answer within {READ_SECONDS} s")):
        with Broken(quick, work):
            assert ask(quick, ["ann"])[0]["source"] == "model"
            refused = post(quick, {"user": "ann", "item": "m6"})
            assert refused.status_code == 503 and refused.headers["retry-after"] == "1"
            health = httpx.get(f"{quick.url}/v1/health/ready")
            assert health.status_code == 200 and words in health.json()["notes"][0]
            page = httpx.get(f"{quick.url}/monitoring/prometheus/metrics").text
            assert "recommender_event_store_up 0.0" in page
        while ask(quick, ["ann"]) != with_event:
            assert time.monotonic() - hung < 120
            time.sleep(PAUSE_SECONDS / 5)
    page = httpx.get(f"{quick.url}/monitoring/prometheus/metrics").text
    assert "recommender_event_store_up 1.0" in page
    assert "recommender_events_stored_total 1.0" in page and "recommender_events_refused_total 2.0" in page
    assert httpx.get(f"{quick.url}/v1/health/ready").json() == {"status": "SERVING"}


def test_the_access_log_holds_no_ids_of_people(bundle_folder, tmp_path):
    log = tmp_path / "access.log"
    config = ServerConfig(
        models=(ModelConfig(name="recommender", base_path=bundle_folder),),
        rest_port=0,
        grpc_port=None,
        access_log=log,
        events=EventsConfig(url=f"sqlite:///{tmp_path}/events.db"),
    )
    with running(config) as server:
        server.url = f"http://127.0.0.1:{server.rest_port}"
        post(server, {"user": "ann.secret", "item": "m1"})
        httpx.get(f"{server.url}/v1/users/ann.secret/events")
        httpx.request("DELETE", f"{server.url}/v1/users/ann.secret/events")
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert [(line["request"], line["code"]) for line in lines] == [
        ("POST /v1/events", 200),
        ("GET /v1/users/…/events", 200),
        ("DELETE /v1/users/…/events", 200),
    ]
    assert "secret" not in log.read_text()


def test_only_administrators_see_and_forget_events(bundle_folder, tmp_path):
    (tmp_path / "tokens").write_text("asker\n")
    (tmp_path / "admins").write_text("admin\n")
    config = ServerConfig(
        models=(ModelConfig(name="recommender", base_path=bundle_folder),),
        rest_port=0,
        grpc_port=None,
        token_file=tmp_path / "tokens",
        admin_token_file=tmp_path / "admins",
        events=EventsConfig(url=f"sqlite:///{tmp_path}/events.db"),
    )
    with running(config) as server:
        server.url = f"http://127.0.0.1:{server.rest_port}"
        asker, admin = ({"Authorization": f"Bearer {name}"} for name in ("asker", "admin"))
        place = f"{server.url}/v1/users/ann/events"
        assert post(server, {"user": "ann", "item": "m1"}).status_code == 401
        assert post(server, {"user": "ann", "item": "m1"}, headers=asker).status_code == 200
        assert [httpx.get(place, headers=who).status_code for who in (asker, admin)] == [403, 200]
        assert [httpx.request("DELETE", place, headers=who).status_code for who in (asker, admin)] == [403, 200]
