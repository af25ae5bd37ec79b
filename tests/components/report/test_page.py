"""What the page says of a small run, worked out by hand."""

from __future__ import annotations

import dataclasses
import itertools
import json
import re

import pytest

from components.report.facts import RunFacts, from_json, to_json
from components.report.page import render
from components.report.sections.item_map import COLOURS, common_genres, main_genre
from tests.components.report.reading import ReadPage
from tests.components.report.self_contained import assert_self_contained
from tests.components.report.small_run import MARKUP, PERSON, facts, summary


@pytest.fixture(scope="module")
def text():
    return render(facts(), summary())


@pytest.fixture(scope="module")
def page(text):
    return ReadPage(text)


def test_it_is_one_file_and_every_link_leads_into_it(text):
    assert_self_contained(text)


def test_what_comes_from_the_data_is_never_markup(text):
    assert MARKUP not in text
    assert "&lt;b&gt;Tom &amp; " in text
    assert "<id>" not in text
    assert "<notice>" not in text
    assert "<by far>" not in text


def test_the_verdict_stands_first_with_its_reason_and_what_was_not_pushed(page):
    words = page.words["overview"]
    assert "The bundle is refused and will not be served." in words
    assert "worse <by far>" in words
    assert "Nothing was pushed: not blessed (version 17 stays)." in words
    assert "0.6250 popularity 0.2500 · item-kNN 0.7500 · served 0.5000" in words
    assert "3 min 05 s 2 stages, 1 from the cache" in words
    assert "6 2 users · 5 items" in words  # 4 + 1 + 1 interactions


def test_the_data_and_its_splits(page):
    assert page.rows["data"][1:4] == [
        ["train", "4", "2", "3", "1970-01-01", "1970-01-02", "3.500"],
        ["eval", "1", "1", "1", "1970-01-03", "1970-01-03", "2.000"],
        ["test", "1", "1", "1", "1970-01-04", "1970-01-04", "5.000"],
    ]
    words = page.words["data"]
    assert "60.00 % of all pairs" in words  # 6 of 2 x 5
    assert "Joined or dropped as the same: 3" in words
    assert "Not used: comment" in words
    assert "1 items were in the interactions and not in the catalogue file" in words
    assert "expected a title; found: none" in words
    assert "Against the data of version 1700000000, 1 of 2 features have drifted" in words
    assert [row[:3] for row in page.rows["data"][-2:]] == [
        ["entities, item_genres", "0.250", "0.100"],
        ["entities, sequence_ratings", "0.050", "0.100"],
    ]
    assert "Ratings by stars: 2: 1, 3: 3, 5: 2" in page.labels["data"]
    assert "How popular items are: 0: 2, 1: 2, 2+: 1" in page.labels["data"]


def test_the_metrics_stand_beside_peers_and_the_served_version_with_intervals(page):
    rows = {row[0]: row[1:] for row in page.rows["metrics"]}
    assert rows["recall@10"] == [
        "0.6250 0.5000 to 0.8125",
        "0.2500 popularity",
        "0.7500",
        "0.5000",
        "+0.3750 0.1250 to 0.5625 against popularity -0.1250 -0.2500 to -0.0625 against item-kNN",
    ]
    assert rows["RMSE"][:2] == ["0.9375", "1.0625 user + item means"]
    assert rows["RMSE"][4] == "0.8824 0.8125 to 0.9375 as a share of the means'"
    assert rows["MAE"][0] == "–"  # no number


def test_bars_are_as_long_as_their_figures(page):
    bars = {values["class"]: float(values["width"]) for tag, values in page.shapes["metrics"][:4] if tag == "rect"}
    assert bars["base"] / bars["model"] == pytest.approx(0.25 / 0.625, abs=1e-4)
    assert bars["knn"] / bars["model"] == pytest.approx(0.75 / 0.625, abs=1e-4)
    assert bars["served"] / bars["model"] == pytest.approx(0.5 / 0.625, abs=1e-4)


def test_slices_have_the_figures_that_they_have(page):
    assert ["1-19", "1", "–", "0.3125", "0.1875", "–", "–", "–"] in page.rows["slices"]
    assert ["Film & Noir", "3", "0.5625", "0.6875"] in page.rows["slices"]


def test_each_seed_has_its_curve_and_the_epoch_that_was_kept(page):
    rows = page.rows["training"]
    assert ["1", "3", "2", "0.2500", "–"] in rows  # its last loss was no number
    assert ["2", "4", "4", "0.5000", "5.5000"] in rows
    assert ["1", "3", "2", "0.7500", "1.2500", "2"] in rows  # ranking: of every epoch, and of a refit
    assert "On the rows it was trained on: RMSE 0.6875" in page.words["training"]
    paths = [values["d"] for tag, values in page.shapes["training"] if tag == "path"]
    assert [path.count(",") for path in paths] == [2, 2, 1, 2, 3, 2, 3]  # points: losses, NDCG, ranking's with a refit


def test_the_index_shows_what_was_tried_and_which_was_chosen(page):
    assert page.rows["index"][1:] == [
        ["4", "400", "0.7500", "0.8125", "10.0", ""],
        ["9", "400", "0.9875", "0.9961", "20.0", "chosen"],
        ["exact search", "1.0000", "1.0000", "40.0", ""],
    ]
    assert "chosen: 9 leaves, 400 reordered: 0.9875 in 20 µs" in page.labels["index"][0]
    assert "98.0 % of the exact best 100" in page.words["index"]


def test_gates_with_their_intervals(page):
    rows = page.rows["gates"]
    assert rows[1][:2] == ["recall_peer", "refused"]
    assert rows[2] == ["rmse_change", "passed", "–", "nothing"]
    assert page.labels["gates"] == ["-0.1250, 95 % interval from -0.2500 to -0.0625, no difference at 0"]


def test_a_person_gets_reasons(page):
    assert page.rows["people"][1] == [
        "1",
        "Heat (1995) Crime · Drama",
        "12.35",
        "3.8 ★",
        f"{MARKUP} 44 % · Crime",
    ]
    assert "12 interactions" in page.words["people"]
    assert f"{MARKUP} 4.5 ★ Unrated" in page.words["people"]  # an item that was not rated has no stars


def test_the_map_has_every_item_with_its_place_colour_and_neighbours(text):
    (data,) = re.findall(r'<script type="application/json" id="map-data">(.*?)</script>', text, re.DOTALL)
    assert json.loads(data) == {
        "titles": ["Amélie (2001)", MARKUP, "Import of Evil (1999)"],
        "genres": [["Comedy", "Romance"], ["Comedy"], []],
        "colours": [1, 0, 2],  # Comedy is the more common one, Romance says more; no genre is `other`
        "x": [0.0, 0.5, 1.0],
        "y": [0.6, 0.5, 0.4],  # the sides keep their ratio, 20 to 4
        "rows": [16, 4, 0],
        "neighbours": [[1, 2], [2, 0], [1]],  # one that is not on the map is left out
    }


def test_the_map_in_words(page):
    assert (
        "t-SNE of the retrieval model's item vectors, the 3 items of 5 with the most training rows"
        in (page.words["item_map"])
    )
    assert page.rows["item_map"][1] == ["Amélie (2001)", f"{MARKUP} · Import of Evil (1999)"]


def test_only_the_most_common_genres_have_a_colour_of_their_own():
    items = [{"genres": [f"g{number}" for number in range(least, 12)]} for least in range(12)]  # g11 12 times, g0 once
    assert common_genres(items) == [f"g{number}" for number in range(11, 2, -1)]
    assert main_genre(["g11", "g0", "g5"], common_genres(items)) == 6
    assert main_genre(["g0"], common_genres(items)) == COLOURS


def test_genres_beside_majority_and_chance(page):
    assert page.rows["genres"][1:] == [
        ["Comedy", "20", "0.750", "0.625", "0.375", "0.500", "0.000", "0.545"],
        ["mean of the genres", "", "0.750", "0.625", "0.375", "0.500", "0.000", "0.545"],
    ]
    assert "War (3)" in page.words["genres"]


def test_no_genre_to_learn():
    nothing = {"folds": 5, "genres": [], "macro": None, "items": 0, "vectors": "model", "left_out": []}
    assert "No genre has enough items" in ReadPage(render(facts(genres=nothing))).words["genres"]


def test_a_person_who_knows_every_item():
    nobody = dataclasses.replace(PERSON, recommended=[])
    page = ReadPage(render(facts(people=[nobody])))
    assert "Nothing is left to recommend" in page.words["people"]
    assert "people" not in page.rows


def test_wall_time_and_versions(page):
    assert ["Transform", "from the cache", "7.2 s"] in page.rows["stages"]
    assert ["Evaluator", "ok", "2 min 10 s"] in page.rows["stages"]
    assert ["tfx", "1.16.0"] in page.rows["stages"]
    assert "2.50 GB" in page.words["stages"]


def test_without_a_summary_the_artifacts_tell_what_they_can():
    page = ReadPage(render(facts()))
    assert ["tensorflow", "2.16.2"] in page.rows["stages"]
    assert "The bundle is refused" in page.words["overview"]
    assert "Nothing was pushed" not in page.words["overview"]


def test_a_run_that_failed_early_says_why_and_shows_what_there_is():
    failure = {
        "component": "DataGate",
        "message": "the data is not as its schema says:\n  - ratings",
        "error_log": None,
    }
    found = summary(status="failed", failure=failure, push=None, evaluation=None)
    text = render(RunFacts(profile=facts().profile), found)
    page = ReadPage(text)
    assert "The run failed in DataGate." in page.words["overview"]
    assert "the data is not as its schema says: - ratings" in page.words["overview"]
    assert set(page.words) == {"", "overview", "data", "stages"}
    assert_self_contained(text)


def test_data_without_ratings_times_and_scann():
    profile = {**facts().profile, "ratings": None, "periods": None, "has_ratings": False}
    index = {"kind": "exact", "size": 5, "dimensions": 3, "k": 5, "recall": 1.0, "queries": 2, "curve": []}
    text = render(facts(profile=profile, index=index, training={}, people=[]), summary())
    assert "Exact search over 5 candidates" in ReadPage(text).words["index"]
    assert_self_contained(text)


def test_an_older_runs_index_has_no_times():
    index = {**facts().index, "curve": [{"leaves_to_search": 9, "reorder": 400, "recall": 0.9875, "short_recall": 1.0}]}
    assert ["9", "400", "0.9875", "1.0000", "chosen"] in ReadPage(render(facts(index=index))).rows["index"]


def test_facts_survive_the_file_between_the_stage_and_the_command():
    assert render(from_json(to_json(facts())), summary()) == render(facts(), summary())
    assert from_json('{"people": [], "of_a_newer_version": 1}') == RunFacts(people=[])
    assert dataclasses.asdict(from_json(to_json(facts())))["index"] == facts().index


def test_headings_descend_step_by_step_and_every_column_has_one(text):
    levels = [int(level) for level in re.findall(r"<h([1-6])", text)]
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
    assert not re.search(r"<th[^>]*>\s*</th>", text)


def test_what_a_person_rated_highest_is_not_called_liked_and_unrated_data_have_no_stars(text):
    assert ">Rated highest</h3>" in text
    assert "Liked" not in text
    unrated = render(facts(bundle={**facts().bundle, "has_ratings": False}), summary())
    assert ">Latest</h3>" in unrated
    person = unrated.split('class="liked"')[1].split("</ul>")[0]
    assert "★" not in person
