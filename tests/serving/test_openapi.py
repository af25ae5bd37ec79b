"""The description of the REST API: valid, true, and good to make requests from, which a real server survives."""

from __future__ import annotations

import collections
import copy

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS, load_all_checks

from serving.client import RecommenderClient
from serving.public_signatures import SIGNATURES
from serving.rest import openapi

SECONDS = 10  # an answer that takes longer is a hang
load_all_checks()
HELD = CHECKS.get_by_names(
    ["not_a_server_error", "status_code_conformance", "content_type_conformance", "response_schema_conformance"]
)
REST = "everything but predict"
ANY = "any question"
GROUPS = (*SIGNATURES, ANY, REST)


def test_the_description_is_valid():
    schemathesis.openapi.from_dict(openapi.description()).validate()


def test_it_says_of_the_signatures_what_the_bundle_says(model_server):
    with RecommenderClient(model_server.rest) as client:
        served = client.metadata().signatures
    for name, signature in SIGNATURES.items():
        for ours, theirs in ((signature.inputs, served[name].inputs), (signature.outputs, served[name].outputs)):
            described = {tensor: (one.dtype, one.rank) for tensor, one in ours.items()}
            assert described == {tensor: (info.dtype, len(info.shape)) for tensor, info in theirs.items()}


@pytest.mark.parametrize("group", GROUPS)
def test_requests_made_from_the_description(group, model_server):
    # Few of the full questions that are made are good ones: each of their columns must have as many rows.
    wanted = 120 if group == "recommend" else 40
    assert ask(group, model_server, wanted, derandomize=True).total() >= wanted


@pytest.mark.slow
@pytest.mark.parametrize("group", GROUPS)
def test_ten_thousand_requests_made_from_the_description(group, model_server):
    count = -(-10_000 // len(GROUPS))
    statuses = ask(group, model_server, count, derandomize=False)
    # Not everything was nonsense, nor everything good. The addresses without a question are few, and hypothesis asks
    # none twice. Which ones it makes differs from machine to machine: of a few there may be no good one.
    assert statuses.total() >= count
    assert statuses[200] > count / 100, statuses
    assert statuses[400] >= count // 100, statuses


def ask(group, model_server, count, derandomize):
    """Sends requests that keep to the description and such that break it; each has an answer that it describes."""
    statuses = collections.Counter()
    session = requests.Session()

    @given(requests_of(group))
    @settings(
        max_examples=count,
        derandomize=derandomize,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    def holds(case):
        answer = case.call_and_validate(base_url=model_server.rest, session=session, timeout=SECONDS, checks=HELD)
        statuses[answer.status_code] += 1

    with session:
        holds()
    return statuses


def requests_of(group):
    """Three that keep to the description for one that breaks it."""
    schema = schemathesis.openapi.from_dict(narrowed(group))
    operations = [result.ok() for result in schema.get_all_operations()]
    chosen = [operation for operation in operations if operation.path.endswith(":predict") == (group != REST)]
    modes = [GenerationMode.POSITIVE] * 3 + [GenerationMode.NEGATIVE]
    return st.one_of([operation.as_strategy(generation_mode=mode) for operation in chosen for mode in modes])


def narrowed(group):
    """The description with one kind of question, and with a model, version and label that are there, or often so."""
    description = copy.deepcopy(openapi.description())
    parameters = description["components"]["parameters"]
    for name, there, others in (
        ("model", "recommender", ["nobody", "é"]),
        ("version", 1, [0]),
        ("label", "stable", []),
    ):
        parameters[name]["schema"] = {"enum": [there, *(others if group == REST else [])]}
    if group in SIGNATURES:
        name = "".join(word.capitalize() for word in group.split("_")) + "Question"
        description["components"]["schemas"]["Question"] = {"$ref": f"#/components/schemas/{name}"}
    return description
