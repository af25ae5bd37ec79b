import json

import pytest

from components.errors import InputError
from pipelines.cli.query import check_filters, parse_history, unknown_items
from tests.pipelines.commands import exit_code
from tests.serving.client.scripted_servers import free_port, rest_server


def test_a_history_may_carry_stars():
    assert parse_history(("1", "260:4.5", "1210:5")) == [("1", 0.0), ("260", 4.5), ("1210", 5.0)]


@pytest.mark.parametrize("entry", ["260:", "260:five", "260:４", "260:-1", ":4", "260:4:5"])
def test_a_history_entry_that_cannot_be_read(entry):
    with pytest.raises(InputError, match="history entry"):
        parse_history((entry,))


def test_a_mistyped_genre_names_the_near_one():
    check_filters(["genres=Comedy", "-genres=Crime"], ["genres=Comedy", "genres=Crime"])
    with pytest.raises(InputError) as error:
        check_filters(["genres=Comdy"], ["genres=Comedy", "genres=Crime"])
    assert "genres=Comedy, genres=Crime" in error.value.expected
    assert "`genres=Comedy`" in error.value.action


def test_items_that_the_catalogue_lacks():
    catalogue = {"items": [{"id": "1"}, {"id": "2"}]}
    assert unknown_items(["1", "9"], catalogue) == ["9"]
    assert unknown_items(["9"], {}) == []


STATUS = (
    200,
    {
        "model_version_status": [
            {"version": "8", "state": "LOADING", "status": {"error_code": "OK", "error_message": ""}},
            {"version": "7", "state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}},
        ]
    },
)
CATALOGUE = (200, {"items": [{"id": "7", "title": "Seven", "features": {"genres": ["Crime"]}}], "users": []})
RECOMMENDED = (
    200,
    {
        "outputs": {
            "item_ids": [["7", ""]],
            "titles": [["Seven", ""]],
            "scores": [[1.25, 0.0]],
            "predicted_ratings": [[4.5, 0.0]],
            "count": [1],
            "source": ["history"],
        }
    },
)


def test_a_server_is_asked_in_the_place_of_a_folder(capsys, monkeypatch):
    monkeypatch.setenv("RECOMMENDER_TOKEN", "secret")
    with rest_server(STATUS, CATALOGUE, RECOMMENDED) as (url, script):
        question = ("query", "--server", url, "--history", "7:5,9", "--filter", "genres=Crime", "--n", "2", "--json")
        assert exit_code(*question) == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out) == {
        "user_id": "",
        "model": f"recommender on {url}, version 7",
        "source": "history",
        "items": [{"item_id": "7", "title": "Seven", "score": 1.25, "predicted_rating": 4.5}],
    }
    assert captured.err == "note: not in the catalogue and left out of the history: 9\n"
    assert {headers["Authorization"] for _, _, headers, _ in script.requests} == {"Bearer secret"}
    assert script.requests[-1][3]["inputs"]["n"] == [2]


def test_a_genre_is_checked_by_the_servers_catalogue(capsys):
    with rest_server(STATUS, CATALOGUE) as (url, _):
        assert exit_code("query", "--server", url, "--user", "1", "--filter", "genres=Crme") == 2
    assert "did you mean `genres=Crime`?" in capsys.readouterr().err


def test_items_like_one_from_a_server(capsys):
    similar = (200, {"outputs": {key: RECOMMENDED[1]["outputs"][key] for key in SIMILAR_OUTPUTS}})
    with rest_server(STATUS, CATALOGUE, similar) as (url, _):
        assert exit_code("similar", "--server", url, "--item", "3") == 0
    assert "Seven" in capsys.readouterr().out


SIMILAR_OUTPUTS = ("item_ids", "titles", "scores", "count")


@pytest.mark.parametrize(
    ("answer", "code", "says"),
    [
        ((401, {"error": "a token is wanted"}), 2, "RECOMMENDER_TOKEN"),
        ((404, {"error": "Could not find any versions of model recommender"}), 2, "--model-name"),
        ((500, {"error": "it broke"}), 1, "it broke"),
    ],
)
def test_a_server_that_refuses_is_explained(answer, code, says, capsys):
    with rest_server(answer) as (url, _):
        assert exit_code("query", "--server", url, "--user", "1") == code
    captured = capsys.readouterr()
    assert says in captured.err
    assert "Traceback" not in captured.err
    assert captured.out == ""


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--server", f"http://127.0.0.1:{free_port()}"), "recommender serve"),
        (("--server", "127.0.0.1:8501"), "http://host:8501"),
        (("--server", "https://localhost", "--ca-file", "no-such-file"), "no-such-file"),
        (("--server", "http://localhost", "--model", "."), "leave one of them out"),
    ],
)
def test_a_server_that_cannot_be_asked_is_explained(arguments, says, capsys):
    assert exit_code("query", "--user", "1", *arguments) == 2
    captured = capsys.readouterr()
    assert says in captured.err
    assert captured.out == ""
