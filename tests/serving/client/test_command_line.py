"""`recommender query` and `recommender similar` say the same of a server as of the bundle that it serves."""

import json

import pytest

from tests.pipelines.commands import exit_code
from tests.serving.six_items import ITEMS


@pytest.mark.parametrize("scheme", ["http", "grpc"])
def test_the_answer_is_that_of_the_local_bundle(scheme, model_server, served_models, capsys):
    server = model_server.rest if scheme == "http" else f"grpc://{model_server.grpc}"
    question = ("query", "--user", "Bo", "--history", "d:4.5", "--exclude", ITEMS[5], "--n", "3", "--json")
    answers = []
    for place in (("--model", str(served_models / "recommender")), ("--server", server)):
        assert exit_code(*question, *place) == 0
        answers.append(json.loads(capsys.readouterr().out))
    local, remote = answers
    assert remote.pop("model") == f"recommender on {server}, version 1"
    local.pop("model")
    assert remote == local
    assert [item["item_id"] for item in remote["items"]] == ["é", "c"]
    assert exit_code("query", "--user", "Bo", "--explain", "--json", "--server", server) == 0
    (best, *_) = json.loads(capsys.readouterr().out)["items"]
    # The query is b, the last item of Bo: (1, 1), which makes 6 with (5, 1). Without the bias that is all.
    assert (best["item_id"], best["score"]) == (ITEMS[5], 6.0)
    reason = {"item_id": "b", "title": "Title of b", "score": 6.0, "share": 1.0}
    assert best["reasons"] == [{**reason, "shared": ["Comedy"] if scheme == "http" else []}]
    assert exit_code("similar", "--server", server, "--item", "c") == 0
    assert "Title of d" in capsys.readouterr().out
