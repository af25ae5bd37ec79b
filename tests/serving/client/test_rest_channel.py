"""What the client sends, repeats and makes of answers, against scripted servers on real sockets."""

import time

import httpx
import pytest

from serving.client import NO_RETRIES, RecommenderClient, Retries, Timeouts, Tls
from serving.errors import (
    AnswerError,
    DeadlineExceededError,
    InvalidRequestError,
    NotAllowedError,
    NotFoundError,
    ServerError,
    ServingError,
    Status,
    UnavailableError,
    UnreachableError,
)
from tests.serving.client.scripted_servers import BROKEN, free_port, rest_server

QUICK = Retries(attempts=3, first_pause_seconds=0.01)
FULL = (503, {"error": "the queue is full"})
ONE_SIMILAR = (
    200,
    {"outputs": {"item_ids": [["7", ""]], "titles": [["Seven", ""]], "scores": [[0.1, 0.0]], "count": [1]}},
)


def test_a_question_is_repeated_until_the_server_has_room():
    with rest_server(FULL, BROKEN, ONE_SIMILAR) as (url, script), RecommenderClient(url, retries=QUICK) as client:
        assert [item.id for item in client.similar("5")] == ["7"]
    assert len(script.requests) == 3
    assert len({repr(asked[3]) for asked in script.requests}) == 1


def test_the_last_refusal_is_raised_when_no_try_is_left():
    with rest_server(FULL) as (url, script), RecommenderClient(url, retries=QUICK) as client:
        with pytest.raises(UnavailableError, match=r"^the queue is full$") as error:
            client.similar("5")
        assert error.value.status is Status.UNAVAILABLE
    assert len(script.requests) == 3


def test_a_server_that_says_when_to_ask_again_is_given_that_time():
    begin = time.monotonic()
    with (
        rest_server((429, {"error": "later"}, {"Retry-After": "1"}), ONE_SIMILAR) as (url, script),
        RecommenderClient(url, retries=QUICK) as client,
    ):
        assert [item.id for item in client.similar("5")] == ["7"]
    assert time.monotonic() - begin >= 1
    assert len(script.requests) == 2


def test_a_question_that_is_too_large_is_not_repeated():
    with (
        rest_server((429, {"error": "too large"})) as (url, script),
        RecommenderClient(url, retries=QUICK) as client,
        pytest.raises(UnavailableError, match=r"^too large$"),
    ):
        client.similar("5")
    assert len(script.requests) == 1


def test_time_that_a_server_asks_for_beyond_the_limit_is_not_waited_for():
    quick = Timeouts(total_seconds=5)
    with (
        rest_server((503, {"error": "later"}, {"Retry-After": "3600"})) as (url, script),
        RecommenderClient(url, retries=QUICK, timeouts=quick) as client,
        pytest.raises(UnavailableError, match=r"^later$"),
    ):
        client.similar("5")
    assert len(script.requests) == 1


def test_nobody_listening_is_unreachable_and_names_the_address():
    url = f"http://127.0.0.1:{free_port()}"
    with RecommenderClient(url, retries=QUICK) as client:
        with pytest.raises(UnreachableError, match=url):
            client.status()
        assert not client.ready()


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (400, InvalidRequestError),
        (401, NotAllowedError),
        (403, NotAllowedError),
        (404, NotFoundError),
        (413, InvalidRequestError),
        (500, ServerError),
        (501, InvalidRequestError),
        (504, DeadlineExceededError),
    ],
)
def test_a_refusal_that_will_not_change_is_raised_at_once_in_the_servers_words(code, error):
    answer = (code, {"error": "no, because"})
    with (
        rest_server(answer) as (url, script),
        RecommenderClient(url, retries=QUICK) as client,
        pytest.raises(error, match=r"^no, because$"),
    ):
        client.similar("5")
    assert len(script.requests) == 1


def test_the_time_limit_holds_for_all_tries_together():
    slow = Retries(attempts=100, first_pause_seconds=0.05, longest_pause_seconds=0.05)
    with rest_server(FULL) as (url, script):
        begin = time.monotonic()
        with (
            RecommenderClient(url, retries=slow, timeouts=Timeouts(total_seconds=0.3)) as client,
            pytest.raises((UnavailableError, DeadlineExceededError)),
        ):
            client.similar("5")
        assert time.monotonic() - begin < 2
        assert 2 <= len(script.requests) < 20


def test_an_answer_that_drips_is_given_up():
    with rest_server((200, b" " * 1000), pause_seconds=0.02) as (url, script):
        begin = time.monotonic()
        with (
            RecommenderClient(url, retries=QUICK, timeouts=Timeouts(total_seconds=0.3)) as client,
            pytest.raises(DeadlineExceededError, match=r"no answer within 0\.3 s"),
        ):
            client.similar("5")
        assert time.monotonic() - begin < 2
    assert len(script.requests) == 1  # the time is up: not asked again


@pytest.mark.parametrize(
    "answer",
    [
        (200, b"<html>a proxy says hello</html>"),
        (200, b"[" * 100_000),
        (200, [1, 2]),
        (200, {"predictions": []}),
        (200, {"outputs": {"item_ids": [["7"]]}}),
        (200, {"outputs": {"item_ids": [["7"]], "titles": [["Seven"]], "scores": [["much"]], "count": [1]}}),
        (200, {"outputs": {"item_ids": [["7"]], "titles": [[]], "scores": [[1.0]], "count": [1]}}),
        (200, {"outputs": {"item_ids": [["7"]], "titles": [["Seven"]], "scores": [[1.0]], "count": ["one"]}}),
        (200, {"outputs": {"item_ids": [], "titles": [], "scores": [], "count": []}}),
        (302, {}),
    ],
)
def test_an_answer_that_is_not_the_contracts_is_named_as_such(answer):
    with (
        rest_server(answer) as (url, _),
        RecommenderClient(url, retries=NO_RETRIES) as client,
        pytest.raises(AnswerError),
    ):
        client.similar("5")


def test_an_error_page_of_a_proxy_is_quoted():
    with rest_server((404, b"<h1>nothing here</h1>")) as (url, _), RecommenderClient(url) as client:
        with pytest.raises(NotFoundError, match=r"HTTP 404 .*nothing here"):
            client.status()
        assert client.catalogue() == {}


def test_what_is_sent():
    answer = {
        "item_ids": [["7"]] * 2,
        "titles": [["Seven"]] * 2,
        "scores": [[0.1]] * 2,
        "predicted_ratings": [[4.5]] * 2,
        "count": [1, 1],
        "source": ["history", "history"],
    }
    with (
        rest_server((200, {"outputs": answer})) as (url, script),
        RecommenderClient(url + "/behind/", model="a/b c", label="canary", token="secret") as client,
    ):
        answers = client.recommend(["42", "\udcff"], n=3, history=[("1", 5), ("2", 0)], filters=["genres=Crime"])
        client.recommend(["42", "43"])
        assert client.recommend([]) == []
    method, path, headers, body = script.requests[0]
    assert (method, path) == ("POST", "/behind/v1/models/a%2Fb%20c/labels/canary:predict")
    assert headers["Authorization"] == "Bearer secret"
    assert headers["Content-Type"] == "application/json"
    # One neutral value first in every list; bytes that are no text go as base64.
    assert body == {
        "signature_name": "recommend",
        "inputs": {
            "user_id": ["42", {"b64": "/w=="}],
            "history_item_ids": [["", "1", "2"]] * 2,
            "history_ratings": [[0.0, 5.0, 0.0]] * 2,
            "exclude_item_ids": [[""]] * 2,
            "allow_item_ids": [[""]] * 2,
            "filters": [["", "genres=Crime"]] * 2,
            "user_features": [[""]] * 2,
            "context": [[""]] * 2,
            "n": [3, 3],
        },
    }
    assert len(script.requests) == 2
    assert len(script.connections) == 1
    # The float32 of the model, not the float64 of its text.
    assert answers[0].items[0].score == 0.10000000149011612
    assert (answers[1].user_id, answers[1].source) == ("\udcff", "history")


def test_a_bundle_that_can_explain_is_asked_why():
    outputs = {
        "item_ids": [["1", "2"], ["2", ""]],
        "titles": [["One", "Two"], ["Two", ""]],
        "scores": [[2.0, 1.0], [0.5, 0.0]],
        "shares": [[0.5, 0.25], [1.0, 0.0]],
        "count": [2, 1],
    }
    with rest_server((200, {"outputs": outputs})) as (url, script), RecommenderClient(url) as client:
        reasons = client.explain("42", ["8", "9"], history=[("1", 5), ("2", 0)])
    assert [[(reason.title, reason.share) for reason in one] for one in reasons] == [
        [("One", 0.5), ("Two", 0.25)],
        [("Two", 1.0)],
    ]
    assert script.requests[0][3] == {
        "signature_name": "explain",
        "inputs": {
            "user_id": ["42", "42"],
            "history_item_ids": [["", "1", "2"]] * 2,
            "history_ratings": [[0.0, 5.0, 0.0]] * 2,
            "item_id": ["8", "9"],
        },
    }


def test_a_version_is_part_of_the_address():
    with (
        rest_server((200, {"model_version_status": []})) as (url, script),
        RecommenderClient(url, version=7) as client,
    ):
        assert client.status() == []
    assert script.requests[0][1] == "/v1/models/recommender/versions/7"


def test_a_transport_may_be_put_in_the_place_of_the_network():
    answer = {"model_version_status": [{"version": "7", "state": "AVAILABLE", "status": ERROR_FREE}]}
    transport = httpx.MockTransport(lambda request: httpx.Response(200, json=answer))
    client = RecommenderClient("http://no-such-host.invalid", transport=transport)
    assert client.ready()
    assert [(one.version, one.state) for one in client.status()] == [(7, "AVAILABLE")]


ERROR_FREE = {"error_code": "OK", "error_message": ""}


@pytest.mark.parametrize(
    "server",
    ["", "host:8501", "ftp://host", "http://", "http://host:port", "grpc://host/path", "http://user:password@host"],
)
def test_an_address_that_cannot_be(server):
    with pytest.raises(ValueError, match="`server` should be like"):
        RecommenderClient(server)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Timeouts(total_seconds=0), "above 0"),
        (lambda: Timeouts(connect_seconds=float("nan")), "above 0"),
        (lambda: Retries(attempts=0), "1 or more"),
        (lambda: Tls(certificate_file="a"), "together"),
        (lambda: Tls(ca_file="no-such-file"), "no file"),
        (lambda: RecommenderClient("http://host", version=1, label="canary"), "not be given together"),
        (lambda: RecommenderClient("http://host", version=-1), "0 or more"),
        (lambda: RecommenderClient("http://host", tls=Tls()), "https"),
    ],
)
def test_settings_that_cannot_be(make, says):
    with pytest.raises(ValueError, match=says):
        make()


def test_pauses_grow_to_a_limit_and_are_spread():
    pauses = list(Retries(attempts=6, first_pause_seconds=1, longest_pause_seconds=4).pauses())
    for pause, longest in zip(pauses, [1, 2, 4, 4, 4], strict=True):
        assert longest / 2 <= pause <= longest


def test_every_error_is_a_serving_error_and_a_refused_reload_is_explained():
    with RecommenderClient("http://127.0.0.1:1") as client, pytest.raises(ServingError, match="grpc://"):
        client.reload([])
