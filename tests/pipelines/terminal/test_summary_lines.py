import dataclasses
import io

from rich.console import Console

from components.evaluation.results import Figure, Gate, SliceFigures
from pipelines.local_run.run_folder import RunFolder
from pipelines.local_run.summary import Failure, PushSummary
from pipelines.terminal import summary_lines as printout
from pipelines.terminal.samples import UserSample
from serving.questions import Item
from tests.pipelines.local_run.test_summary import FULL


def printed(show, *arguments):
    file = io.StringIO()
    show(Console(file=file, width=120), *arguments)
    return file.getvalue()


def blessed():
    passed = Gate(name="recall_lift", metric="x", baseline="popularity", passed=True, reason="beats popularity")
    return dataclasses.replace(FULL.evaluation, blessed=True, gates=[passed])


def test_a_refused_bundle_is_told_loudly_with_each_reason():
    text = printed(printout.print_verdict, FULL.evaluation)
    assert "NOT BLESSED" in text
    assert "REFUSED too high" in text
    assert "passed  as good" in text


def test_the_table_shows_each_metric_beside_its_peers():
    metrics = {
        "recall_at_10": Figure(model=0.3, baseline=0.1, peer=0.25, served=0.2),
        "recall_at_10_minus_popularity": Figure(model=0.2, lower=0.1, upper=0.3),
        "rmse": Figure(model=0.9, baseline=1.0, served=0.95),
    }
    evaluation = dataclasses.replace(FULL.evaluation, metrics=metrics, peer="what the user had most")
    lines = printed(lambda console: console.print(printout.metrics_table(evaluation))).splitlines()
    (heading,) = [line for line in lines if "this bundle" in line]
    assert [cell.strip() for cell in heading.split("┃")[1:-1]] == [
        "metric",
        "this bundle",
        "baseline",
        "what the user had most",
        "served version 3",
        "the baseline is",
    ]
    assert [cell.strip() for cell in next(line for line in lines if "recall@10" in line).split("│")[1:-1]] == [
        "recall@10",
        "0.3000",
        "0.1000",
        "0.2500",
        "0.2000",
        "popularity",
    ]
    assert "–" in next(line for line in lines if "RMSE" in line)  # no peer predicts ratings
    assert not any("minus" in line for line in lines)


def test_new_people_and_new_items_have_a_table_of_their_own():
    people = {
        "users": Figure(model=12.0),
        "recall_at_100": Figure(model=0.4, baseline=0.3),
        "recall_at_100_minus_popularity": Figure(model=0.1, lower=0.05, upper=0.15),
    }
    stars = {"rows": Figure(model=34.0), "rmse": Figure(model=0.9, baseline=1.0), "rmse_ratio": Figure(model=0.9)}
    slices = [
        SliceFigures(feature="request_history", value="10", metrics=people),
        SliceFigures(feature="request_history", value="3", metrics={**people, **stars}),
        SliceFigures(feature="item_popularity", value="new", metrics=stars),
        SliceFigures(feature="item_popularity", value="1-4", metrics=stars),
    ]
    evaluation = dataclasses.replace(FULL.evaluation, slices=slices)
    text = printed(lambda console: console.print(printout.cold_start_table(evaluation)))
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in text.splitlines() if "│" in line]
    assert rows == [
        ["new people, 3 interactions known", "12 users", "recall@100", "0.4000", "0.3000", "0.1000 (0.0500 to 0.1500)"],
        ["new people, 3 interactions known", "34 rows", "RMSE", "0.9000", "1.0000", "0.9000"],
        [
            "new people, 10 interactions known",
            "12 users",
            "recall@100",
            "0.4000",
            "0.3000",
            "0.1000 (0.0500 to 0.1500)",
        ],
        ["items without training rows", "34 rows", "RMSE", "0.9000", "1.0000", "0.9000"],
    ]


def test_without_new_people_and_items_there_is_no_such_table():
    few = {"rows": Figure(model=9.0), "rmse": Figure(model=0.9, baseline=1.0)}
    for slices in ([], [SliceFigures(feature="item_popularity", value="new", metrics=few)]):
        assert printout.cold_start_table(dataclasses.replace(FULL.evaluation, slices=slices)) is None


def test_a_blessed_bundle():
    text = printed(printout.print_verdict, blessed())
    assert "NOT" not in text
    assert "beats popularity" in text


def test_where_it_was_pushed(tmp_path):
    push = PushSummary(
        pushed=True, version=7, path=str(tmp_path / ("long" * 60) / "7"), reason="blessed", served_version=7
    )
    assert push.path in printed(printout.print_push, push)  # whole, on one line: it can be copied


def test_a_run_from_the_cache_says_so_plainly(tmp_path):
    evaluation = dataclasses.replace(blessed(), judged_anew=False)
    push = PushSummary(pushed=False, version=None, path=None, reason="nothing changed: as before", served_version=7)
    summary = dataclasses.replace(FULL, evaluation=evaluation, push=push, everything_cached=True)
    text = printed(printout.print_summary, summary, [], RunFolder(tmp_path))
    assert "Everything came from the cache" in text
    assert "verdict of an earlier run" in text
    assert "Nothing pushed: nothing changed" in text
    assert "version 7 stays" in text


def test_samples_show_titles_as_they_are():
    items = [
        Item(id="1", title="[REC] (2007)", score=1.5, predicted_rating=4.25),
        Item(id="2", title="B", score=1.0),
    ]
    text = printed(printout.print_sample, UserSample(user_id="[7]", liked=[("[A]", 4.5)], items=items, source="model"))
    assert "[7] rated highest: [A] (4.5 ★)" in text
    assert "[REC] (2007)" in text
    assert "4.2 ★" in text
    unrated = printed(
        printout.print_sample, UserSample(user_id="7", liked=[("A", 0.0), ("B", 0.0)], items=items, source="model")
    )
    assert "User 7 watched last: A, B" in unrated
    assert "–" in text


def test_a_failure_names_the_stage_the_cause_and_the_log():
    text = printed(
        printout.print_failure, Failure(component="Transform", message="[x] broke", error_log="/runs/error.log")
    )
    assert "Transform failed: [x] broke" in text
    assert "/runs/error.log" in text
    assert "run the same command again" in text
