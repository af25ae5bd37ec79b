"""HTTP as clients send it, and as attackers do: every byte over a real socket."""

import gzip
import http.client
import json
import socket
import ssl
import zlib

import httpx
import pytest

from serving.rest.app import RestConfig
from serving.tls import ServerTls
from tests.serving.asking import (
    ANSWER,
    PREDICT,
    QUESTION,
    Answers,
    Gate,
    address,
    connected,
    conversation,
    is_well,
    post,
    serving,
)
from tests.serving.certificates import make_certificate
from tests.serving.tiny_models import publish, save_odd

LIMIT = 1 << 16
HIDDEN = b"GET /v1/models/odd HTTP/1.1\r\nHost: x\r\n\r\n"
"""A request that is sent as the body of another one."""


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    base = tmp_path_factory.mktemp("base")
    publish(save_odd(tmp_path_factory.mktemp("model") / "odd"), base, 1)
    return base


@pytest.fixture(scope="module")
def server(base):
    with serving(base, rest=RestConfig(max_request_bytes=LIMIT)) as server:
        yield server


# Offers to speak something else.

OFFERS = {
    "h2c, as Java's HttpClient offers it": (
        "Connection: Upgrade, HTTP2-Settings",
        "Upgrade: h2c",
        "HTTP2-Settings: AAEAAEAAAAIAAAAB",
    ),
    "a protocol that nobody knows": ("Connection: Upgrade", "Upgrade: nonsense"),
    "a websocket": ("Connection: upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"),
    "in other letters": ("cONNECTION: uPGRADE", "uPGRADE: H2C"),
    "in two lines": ("Connection: keep-alive", "Connection: Upgrade", "Upgrade: h2c"),
    "nothing but the connection": ("Connection: Upgrade",),
    "nothing but the protocol": ("Upgrade: h2c",),
}


@pytest.mark.parametrize("offer", OFFERS.values(), ids=OFFERS)
def test_an_offer_is_an_ordinary_request(server, offer):
    assert conversation(server, post(QUESTION, *offer)) == [(200, ANSWER)]


@pytest.mark.parametrize("offer", OFFERS.values(), ids=OFFERS)
def test_no_byte_of_a_body_behind_an_offer_is_read_as_a_request(server, offer):
    """One request, one answer: a proxy that takes the body for a body must not be answered twice."""
    ((status, answer),) = conversation(server, post(HIDDEN, *offer))
    assert status == 400
    assert answer["error"].startswith("JSON Parse error")


@pytest.mark.parametrize("offer", OFFERS.values(), ids=OFFERS)
def test_a_chunked_body_behind_an_offer_is_its_body(server, offer):
    lines = "\r\n".join([f"POST {PREDICT} HTTP/1.1", "Host: x", "Transfer-Encoding: chunked", *offer, "", ""])
    chunks = b"%x\r\n%s\r\n0\r\n\r\n" % (len(HIDDEN), HIDDEN)
    ((status, answer),) = conversation(server, lines.encode() + chunks)
    assert (status, answer["error"].startswith("JSON Parse error")) == (400, True)


def test_requests_before_and_behind_an_offer_are_answered_in_order(server):
    offer = OFFERS["h2c, as Java's HttpClient offers it"]
    bodies = [json.dumps({"instances": [number]}).encode() for number in range(4)]
    sent = post(bodies[0]) + post(bodies[1], *offer) + post(bodies[2], *offer) + post(bodies[3])
    answers = [{"predictions": [2.0 * number]} for number in range(4)]
    assert conversation(server, sent) == [(200, answer) for answer in answers]


@pytest.mark.parametrize("step", [1, 7, 64])
def test_an_offer_that_comes_in_pieces_is_the_same(server, step):
    sent = post(QUESTION, *OFFERS["h2c, as Java's HttpClient offers it"]) + post(HIDDEN, "Connection: close")
    with connected(server) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for start in range(0, len(sent), step):
            connection.sendall(sent[start : start + step])
        first, second = Answers(connection).rest()
    assert first == (200, ANSWER)
    assert second[0] == 400


# Bytes that one reads one way and another another way.


@pytest.mark.parametrize(
    "head",
    [
        b"Content-Length: 18\r\nTransfer-Encoding: chunked\r\n",
        b"Transfer-Encoding: chunked\r\nContent-Length: 18\r\n",
        b"Content-Length: 18\r\nContent-Length: 19\r\n",
        b"Content-Length: 18, 18\r\n",
        b"Content-Length: +18\r\n",
        b"Content-Length: 0x12\r\n",
        b"Transfer-Encoding: chunked, identity\r\n",
        b"Transfer-Encoding : chunked\r\n",
        b"Content-Length : 18\r\n",
        b"X: 1\r\n Content-Length: 18\r\n",
        b"X\0: 1\r\n",
    ],
)
def test_a_body_whose_length_is_in_doubt_is_refused_and_the_connection_ends(server, head):
    sent = b"POST %s HTTP/1.1\r\nHost: x\r\n%s\r\n" % (PREDICT.encode(), head) + QUESTION + HIDDEN
    ((status, answer),) = conversation(server, sent)
    assert (status, list(answer)) == (400, ["error"])
    assert is_well(server)


def test_what_follows_a_refusal_is_not_read(server):
    assert [status for status, _ in conversation(server, b"nonsense\r\n\r\n" + post())] == [400]


def test_nonsense_behind_a_good_request_leaves_its_answer_whole(server):
    with Gate(server) as gate, connected(server) as connection:
        connection.sendall(post() + b"nonsense\r\n\r\n" + post())
        gate.wait()
        gate.let(10)
        assert Answers(connection).rest() == [(200, ANSWER)]


@pytest.mark.parametrize("hosts", [["a", "b"], ["a", "a"], []])
def test_a_request_names_one_host(server, hosts):
    lines = [f"Host: {host}" for host in hosts]
    ((status, answer),) = conversation(server, post(QUESTION, *lines, host=False))
    assert status == 400
    assert answer["error"] == f"A request names one Host, this one names {len(hosts)}"


@pytest.mark.parametrize("method", ["TRACE", "CONNECT"])
@pytest.mark.parametrize("path", [PREDICT, "/", "/monitoring/prometheus/metrics"])
def test_trace_and_connect_are_not_served(server, method, path):
    target = path if method == "TRACE" else "x:443"
    sent = f"{method} {target} HTTP/1.1\r\nHost: x\r\nAuthorization: secret\r\n\r\n".encode()
    with connected(server) as connection:
        connection.sendall(sent)
        status, headers, body = Answers(connection).next()
    assert (status, headers["allow"]) == (405, "GET, HEAD, POST, OPTIONS")
    assert b"secret" not in body


@pytest.mark.parametrize("long", ["header", "headers", "path"])
def test_a_head_over_the_limit_is_refused_though_it_comes_at_once(server, long):
    lines = {
        "header": ["X-Long: " + "y" * 70_000],
        "headers": [f"X-{number}: {'y' * 100}" for number in range(700)],
        "path": [],
    }
    path = PREDICT + ("?" + "y" * 70_000 if long == "path" else "")
    ((status, answer),) = conversation(server, post(QUESTION, *lines[long], path=path))
    assert (status, answer) == (431, {"error": "Request Header Fields Too Large"})


# Half-closed connections.


def test_a_client_that_has_closed_its_side_is_answered(server):
    assert conversation(server, post()) == [(200, ANSWER)]


def test_a_client_that_has_closed_its_side_is_answered_after_some_time(server):
    with Gate(server) as gate, connected(server) as connection:
        connection.sendall(post())
        gate.wait()
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(25) == b"HTTP/1.1 100 Continue\r\n\r\n"  # is it still there?
        gate.let(1)
        assert Answers(connection).rest() == [(200, ANSWER)]


def test_pythons_own_client_skips_what_asks_whether_it_is_there(server):
    client = http.client.HTTPConnection("127.0.0.1", server.rest_port, timeout=60)
    with Gate(server) as gate:
        client.request("POST", PREDICT, QUESTION)
        gate.wait()
        client.sock.shutdown(socket.SHUT_WR)
        client.sock.recv(1, socket.MSG_PEEK)
        gate.let(1)
        assert json.loads(client.getresponse().read()) == ANSWER
    client.close()


def test_requests_of_a_client_that_has_closed_its_side_are_all_answered(server):
    with Gate(server) as gate, connected(server) as connection:
        connection.sendall(post() * 3)
        connection.shutdown(socket.SHUT_WR)
        gate.let(10)
        assert Answers(connection).rest() == [(200, ANSWER)] * 3


# Bodies.


def packed(body=QUESTION, header="Content-Encoding: gzip"):
    return post(body, header)


@pytest.mark.parametrize("encoding", ["gzip", "GZIP", "x-gzip"])
def test_a_packed_body_is_unpacked(server, encoding):
    assert conversation(server, packed(gzip.compress(QUESTION), f"Content-Encoding: {encoding}")) == [(200, ANSWER)]
    halves = gzip.compress(QUESTION[:7]) + gzip.compress(QUESTION[7:])
    assert conversation(server, packed(halves)) == [(200, ANSWER)]


def test_a_body_that_is_too_large_unpacked_is_refused(server):
    ((status, answer),) = conversation(server, packed(gzip.compress(b" " * 50_000_000)))
    assert status == 413
    assert answer["error"] == f"The request has more than {LIMIT} bytes unpacked, this server takes no more"
    full = QUESTION + b" " * (LIMIT - len(QUESTION))
    assert conversation(server, packed(gzip.compress(full))) == [(200, ANSWER)]


def test_a_body_over_the_limit_that_has_been_read_as_a_whole_is_refused_at_once(server):
    body = b" " * (LIMIT + 1)
    lines = f"POST {PREDICT} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    with connected(server) as connection:
        connection.sendall(lines + b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body))
        status, _, answer = Answers(connection).next()
    assert (status, b"this server takes" in answer) == (413, True)


@pytest.mark.parametrize(
    "body",
    [b"nonsense", gzip.compress(QUESTION)[:-9], zlib.compress(QUESTION), gzip.compress(QUESTION) + b"x"],
    ids=["nonsense", "cut off", "zlib", "more behind it"],  # gzip writes the time: two workers would name two tests
)
def test_a_body_that_is_not_packed_as_it_says_is_refused(server, body):
    ((status, answer),) = conversation(server, packed(body))
    assert status == 400
    assert "gzip" in answer["error"]


def test_other_packings_are_refused_with_what_is_served(server):
    answer = httpx.post(address(server) + PREDICT, content=QUESTION, headers={"Content-Encoding": "br"}, timeout=60)
    assert (answer.status_code, answer.headers["accept-encoding"]) == (415, "gzip")
    assert answer.json()["error"] == "The Content-Encoding br is not served, gzip is"


def test_a_byte_order_mark_is_skipped(server):
    assert conversation(server, post(b"\xef\xbb\xbf" + QUESTION)) == [(200, ANSWER)]
    assert [status for status, _ in conversation(server, post(QUESTION.decode().encode("utf-16")))] == [400]


@pytest.mark.parametrize("depth", [2, 32, 33, 34, 64, 128, 129, 130, 1000, 20_000])
@pytest.mark.parametrize("key", ["instances", "inputs"])
def test_nested_lists_are_refused_as_json(server, depth, key):
    body = b'{"%s": %s1%s}' % (key.encode(), b"[" * depth, b"]" * depth)
    ((status, answer),) = conversation(server, post(body))
    assert (status, list(answer)) == (400, ["error"])


# HTTP/1.0.


def test_http_1_0_keeps_the_connection_where_it_is_asked_to(server):
    with connected(server) as connection:
        answers = Answers(connection)
        for _ in range(3):
            connection.sendall(post(QUESTION, "Connection: keep-alive", version="1.0", host=False))
            status, headers, body = answers.next()
            assert (status, headers["connection"], json.loads(body)) == (200, "keep-alive", ANSWER)
        connection.sendall(post(version="1.0"))
        status, headers, body = answers.next()
        assert (status, headers["connection"], json.loads(body)) == (200, "close", ANSWER)
        assert answers.next() is None


# Whether a body comes.


def test_a_refused_request_that_waits_for_leave_to_send_ends_the_connection(server):
    """Nobody can tell whether its body comes next, or another request."""
    head = b"POST /v1/models/nobody:wrong HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 18\r\n\r\n"
    with connected(server) as connection:
        connection.sendall(head)
        answers = Answers(connection)
        status, headers, _ = answers.next()
        assert (status, headers["connection"]) == (400, "close")
        assert answers.next() is None


# TLS.


def test_a_client_over_tls_is_answered_and_one_in_the_clear_is_not(base, tmp_path):
    certificate, key = make_certificate(tmp_path)
    with serving(base, grpc_port=None, tls=ServerTls(certificate=certificate, key=key)) as server:
        trust = ssl.create_default_context(cafile=str(certificate))
        answer = httpx.post(f"https://127.0.0.1:{server.rest_port}{PREDICT}", content=QUESTION, verify=trust)
        assert answer.json() == ANSWER
        with pytest.raises(httpx.TransportError):
            httpx.post(address(server) + PREDICT, content=QUESTION)
