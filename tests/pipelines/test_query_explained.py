"""`recommender query --explain` on a real bundle whose sums are made by hand."""

import json

import numpy as np
import pytest

from tests.components.bundle.small_bundle import build_bundle
from tests.pipelines.commands import exit_code

# A history is pooled evenly: of three items each has the weight 1 / √3. By candidate, the inner products of
# (north, east, west) with it, and its bias:
#   up     (1, 0): 4, 0, 0, bias 0.5
#   right  (0, 1): 0, 3, -3, bias 0
#   corner (1, 2): 4, 6, -6, bias 2
ITEMS = {
    "north": ((4.0, 0.0), ["Polar", "War"]),
    "east": ((0.0, 3.0), ["Tea", "War"]),
    "west": ((0.0, -3.0), ["Gold"]),
    "up": ((1.0, 0.0), ["Polar"]),
    "right": ((0.0, 1.0), []),
    "corner": ((1.0, 2.0), ["Tea", "Polar", "Drama"]),
}
BIASES = np.array([0, 0, 0, 0.5, 0, 2])
WEIGHT = 1 / np.sqrt(3)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bundle") / "1"
    build_bundle(
        folder,
        item_ids=list(ITEMS),
        genres=[genres for _, genres in ITEMS.values()],
        vectors=np.array([vector for vector, _ in ITEMS.values()]),
        biases=BIASES,
        users={"Ann": [0, 1, 2], "Bo": [2]},
        test_rows={},
        half_life=0,
    )
    return str(folder)


def ask(capsys, *arguments):
    assert exit_code("query", "--explain", *arguments) == 0
    return capsys.readouterr().out


def items(capsys, *arguments):
    return {item["item_id"]: item for item in json.loads(ask(capsys, "--json", *arguments))["items"]}


def reasons(item):
    return [(one["item_id"], one["score"], one["share"], one["shared"]) for one in item["reasons"]]


def test_parts_are_the_inner_products_and_add_up_to_the_score(model, capsys):
    found = items(capsys, "--model", model, "--user", "Ann")
    assert set(found) == {"up", "right", "corner"}
    approx = pytest.approx
    assert reasons(found["up"]) == [("north", approx(4 * WEIGHT), approx(1), ["Polar"])]
    # What speaks for corner: 4 and 6 of 10; west takes 6 away and is no reason.
    assert reasons(found["corner"]) == [
        ("east", approx(6 * WEIGHT), approx(0.6), ["Tea"]),
        ("north", approx(4 * WEIGHT), approx(0.4), ["Polar"]),
    ]
    assert reasons(found["right"]) == [("east", approx(3 * WEIGHT), approx(1), [])]
    # Parts, what west takes away, and the bias are the score.
    assert found["up"]["score"] == approx(4 * WEIGHT + 0.5)
    assert found["corner"]["score"] == approx((6 + 4 - 6) * WEIGHT + 2)
    assert found["right"]["score"] == approx((3 - 3) * WEIGHT, abs=1e-6)


def test_a_history_in_the_question_is_what_explains(model, capsys):
    found = items(capsys, "--model", model, "--user", "Ann", "--history", "north:5")
    assert reasons(found["corner"]) == [("north", pytest.approx(4.0), pytest.approx(1.0), ["Polar"])]


def test_a_person_reads_shares_titles_and_genres(model, capsys):
    lines = ask(capsys, "--model", model, "--user", "Ann").splitlines()
    start = lines.index("  1  Title of corner")
    assert lines[start + 1 : start + 3] == [
        "      60%  Title of east  (both Tea)",
        "      40%  Title of north  (both Polar)",
    ]
    assert "     100%  Title of east" in lines  # right has no genre


def test_nothing_of_the_history_may_speak_for_an_item(model, capsys):
    said = ask(capsys, "--model", model, "--user", "Bo")  # west: away from right and corner, across to up
    assert said.count("nothing in the history speaks for it") == 5
    assert all(item["reasons"] == [] for item in items(capsys, "--model", model, "--user", "Bo").values())


def test_what_is_popular_has_no_reasons(model, capsys):
    said = ask(capsys, "--model", model, "--user", "a stranger")
    assert "No reasons: the list is the same for everybody" in said
    assert all(one["reasons"] == [] for one in items(capsys, "--model", model, "--user", "a stranger").values())


def test_a_bundle_without_the_signature_says_so(model, capsys, monkeypatch):
    from serving.model import LoadedBundle

    monkeypatch.setattr(LoadedBundle, "signatures", {})
    assert exit_code("query", "--explain", "--model", model, "--user", "Ann") == 2
    said = capsys.readouterr()
    assert "cannot explain" in said.err
    assert said.out == ""
