"""The client against a real server: REST and gRPC give the same answers, which follow from six_items.py by hand."""

import pytest

from serving.client import NO_RETRIES, Candidate, ModelToServe, RecommenderClient, Retries, Timeouts
from serving.errors import InvalidRequestError, NotFoundError, Status, UnreachableError
from serving.questions import Answer, Item
from tests.serving.client.scripted_servers import free_port
from tests.serving.six_items import ITEMS

F = ITEMS[5]


def address(server, scheme):
    return server.rest if scheme == "http" else f"grpc://{server.grpc}"


@pytest.fixture(scope="module", params=["http", "grpc"])
def scheme(request):
    return request.param


@pytest.fixture(scope="module")
def client(model_server, scheme):
    with RecommenderClient(address(model_server, scheme)) as client:
        yield client


@pytest.fixture(scope="module")
def calculator(model_server, scheme):
    with RecommenderClient(address(model_server, scheme), model="calculator") as client:
        yield client


def item(item_id, score, stars=0.0):
    return Item(id=item_id, title=f"Title of {item_id}", score=score, predicted_rating=stars)


def test_recommendations_for_several_people(client):
    known, stranger = client.recommend(["Bo", "nobody"], n=2)
    assert known == Answer(user_id="Bo", items=[item(F, 6, 6), item("é", 5, 5)], source="model")
    assert [one.id for one in stranger.items] == ["a", "b"]
    assert stranger.source == "popularity"


def test_history_exclusions_and_filters_reach_the_model(client):
    (answer,) = client.recommend([""], history=[("d", 4.0)], exclude=[F], filters=["genres=Comedy", "genres=Drama"])
    assert [one.id for one in answer.items] == ["é", "c", "b", "a"]
    assert answer.source == "history"


def test_the_other_questions(client):
    assert client.retrieve(["Bo"])[0][:2] == [Candidate(id=F, score=6.0), Candidate(id="é", score=5.0)]
    assert client.rank("Bo", ["a", F]) == [1.0, 6.0]
    assert client.user_history("Bo") == [("a", "Title of a", 3.0), ("b", "Title of b", 3.0)]
    assert client.user_history("nobody") == []
    assert client.similar("no such item") == []
    similar = client.similar("c")
    assert similar[0].id == "d"
    assert similar[0].title == "Title of d"


def test_nobody_asked_is_nothing_answered(client):
    assert client.recommend([]) == []
    assert client.rank("Bo", []) == []


def test_any_signature_of_any_model(calculator):
    answer = calculator.predict("mixed", {"count": [3], "weight": [0.5], "name": ["Zoë"], "flag": [True]})
    assert answer == {
        "total": [1.5],
        "next": [4],
        "greeting": ["hello Zoë"],
        "name_bytes": ["Zoë".encode()],
        "denied": [False],
    }
    assert calculator.predict("scalar_in", {"x": 3}) == {"y": 1.5}
    assert calculator.predict("blob", {"blob": [b"\xff"]}) == {"same_bytes": [b"\xff"]}


@pytest.mark.parametrize(
    ("signature", "inputs", "says"),
    [
        ("guess", {}, "has no signature `guess`, but .*divide"),
        ("divide", {"a": [1]}, "should be given the inputs a, b"),
        ("whole", {"i": ["one"]}, "int32|INT32"),
        ("matrix", {"m": [[1, 2], [3]]}, "size|shape|sequence"),
        ("checked", {"x": [-1]}, "x is below zero"),
    ],
)
def test_a_question_that_cannot_be_answered(calculator, signature, inputs, says):
    with pytest.raises(InvalidRequestError, match=says):
        calculator.predict(signature, inputs)


def test_status_and_signatures(client, calculator):
    assert client.ready()
    assert [(one.version, one.state, one.error_code) for one in calculator.status()] == [
        (2, "AVAILABLE", "OK"),
        (1, "AVAILABLE", "OK"),
    ]
    metadata = calculator.metadata()
    assert (metadata.name, metadata.version) == ("calculator", 2)
    divide = metadata.signatures["divide"]
    assert {name: (info.dtype, info.shape) for name, info in divide.inputs.items()} == {
        "a": ("DT_FLOAT", (-1,)),
        "b": ("DT_FLOAT", (-1,)),
    }
    assert metadata.signatures["scalar_in"].inputs["x"].shape == ()


def test_a_version_and_a_label_are_asked(model_server, scheme):
    for chosen in ({"version": 1}, {"label": "stable"}):
        with RecommenderClient(address(model_server, scheme), model="calculator", **chosen) as client:
            assert client.predict("serving_default", {"x": [3]}) == {"y": [30.0]}


def test_a_model_that_is_not_there(model_server, scheme):
    with RecommenderClient(address(model_server, scheme), model="nobody", retries=NO_RETRIES) as client:
        assert not client.ready()
        with pytest.raises(NotFoundError) as refused:
            client.recommend(["Bo"])
        assert refused.value.status is Status.NOT_FOUND


def test_nobody_listening(scheme):
    quick = Retries(attempts=2, first_pause_seconds=0.01)
    where = f"{scheme}://127.0.0.1:{free_port()}"
    with RecommenderClient(where, retries=quick, timeouts=Timeouts(total_seconds=5)) as client:
        with pytest.raises(UnreachableError, match=r"127\.0\.0\.1"):
            client.status()
        assert not client.ready()


def test_the_catalogue_comes_over_rest(client, scheme, model_server):
    if scheme == "grpc" or not model_server.is_ours:
        assert client.catalogue() == {}
        return
    catalogue = client.catalogue()
    assert (catalogue["model"], catalogue["version"]) == ("recommender", "1")
    assert catalogue["items"][1] == {"id": "b", "title": "Title of b", "features": {"genres": ["Comedy"]}}
    assert catalogue["users"] == ["Ann", "Bo", "Cy"]


def test_the_configuration_is_changed_over_grpc_alone(client, scheme):
    if scheme == "http":
        with pytest.raises(InvalidRequestError, match="grpc://"):
            client.reload([])
    else:
        with pytest.raises(InvalidRequestError, match="no/such"):
            client.reload([ModelToServe(name="recommender", base_path="no/such")])
        assert client.ready()
