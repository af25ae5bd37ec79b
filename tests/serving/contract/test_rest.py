"""Our server and TensorFlow Serving answer alike over HTTP (rest_cases.py)."""

from __future__ import annotations

import http.client
import json
import math
import re
from urllib.parse import urlsplit

import pytest

from tests.serving.contract.rest_cases import REST_CASES


@pytest.fixture(scope="module")
def connection(model_server):
    address = urlsplit(model_server.rest)
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=30)
    yield connection
    connection.close()


def test_cases_have_names_of_their_own_and_say_why_they_differ():
    assert len({case.name for case in REST_CASES}) == len(REST_CASES)
    assert all(bool(case.ours) == bool(case.why) for case in REST_CASES)


@pytest.mark.parametrize("case", REST_CASES, ids=lambda case: case.name.replace(" ", "-"))
def test_rest(case, connection, model_server):
    expected = case.ours if case.ours is not None and model_server.is_ours else case.expected
    # http.client sends the path as it stands; a client library would tidy it.
    body = case.body if case.body is None or isinstance(case.body, bytes) else json.dumps(case.body).encode()
    connection.request(case.method, case.path, body, case.headers)
    answer = connection.getresponse()
    content = answer.read()
    text = content.decode("utf-8", "replace")
    statuses = expected.status if isinstance(expected.status, tuple) else (expected.status,)
    assert answer.status in statuses, text
    if case.path.startswith("/v1"):
        assert answer.headers["Content-Type"] == "application/json"
    if answer.status >= 400 and case.path.lower().startswith("/v1") and model_server.is_ours:
        assert list(json.loads(content)) == ["error"]
    if expected.json is not None:
        assert same(json.loads(content), expected.json), text
    if expected.error is not None:
        assert re.search(expected.error, json.loads(content)["error"], re.DOTALL), text
    for pattern in expected.raw:
        assert re.search(pattern, text), text


def same(received, expected):
    """Whether two JSON values are the same: NaN is NaN, 1 is not 1.0, floats agree to seven digits."""
    if isinstance(expected, dict):
        return received.keys() == expected.keys() and all(same(received[key], expected[key]) for key in expected)
    if isinstance(expected, list):
        return len(received) == len(expected) and all(map(same, received, expected))
    if type(received) is not type(expected):
        return False
    if isinstance(expected, float):
        both_nan = math.isnan(received) and math.isnan(expected)
        return both_nan or math.isclose(received, expected, rel_tol=1e-7)
    return received == expected
