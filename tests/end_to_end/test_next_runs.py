"""Further runs on the same folder: unchanged, worse, and as good as what is served."""

from __future__ import annotations

import html

import pytest

from tests.components.report.self_contained import assert_self_contained
from tests.end_to_end.command import recommender, run, state_of, versions
from tests.end_to_end.conftest import SETTINGS, WORSE

ANEW_WHEN_THE_BUNDLE_CHANGES = {"RecommenderBundler", "ServedModel", "Evaluator", "FinalFit", "Pusher", "RunReport"}


def test_an_unchanged_run_computes_judges_and_pushes_nothing(first_run, unchanged_run):
    summary = unchanged_run.summary
    assert unchanged_run.done.code == 0
    assert all(unchanged_run.cached.values()), unchanged_run.cached
    assert set(unchanged_run.cached) == set(first_run.cached)
    assert summary["everything_cached"]
    assert summary["evaluation"]["blessed"]
    assert not summary["evaluation"]["judged_anew"]
    assert summary["evaluation"]["metrics"] == first_run.summary["evaluation"]["metrics"]
    assert (summary["push"]["pushed"], summary["push"]["version"]) == (False, None)
    assert summary["push"]["served_version"] == first_run.summary["push"]["version"]
    assert summary["seconds"] < first_run.summary["seconds"] / 2


def test_an_unchanged_run_says_so(unchanged_run):
    assert "Everything came from the cache" in unchanged_run.done.out
    assert "nothing was pushed" in unchanged_run.done.out
    assert unchanged_run.done.err.count("cached") == len(unchanged_run.cached)


def test_a_worse_bundle_is_compared_with_the_served_one_and_refused(first_run, refused_run):
    summary, served = refused_run.summary, str(first_run.summary["push"]["version"])
    assert summary["evaluation"]["served_version"] == served
    assert not summary["evaluation"]["blessed"]
    change = refused_run.gates["recall_change"]
    assert (change["passed"], change["baseline_version"]) == (False, served)
    assert served in change["reason"]
    figure = summary["evaluation"]["metrics"]["recall_at_100"]
    assert figure["served"] == first_run.summary["evaluation"]["metrics"]["recall_at_100"]["model"]
    assert change["value"] == pytest.approx(figure["model"] - figure["served"], abs=1e-6)
    assert change["value"] < -0.01


def test_a_refused_bundle_is_not_pushed_loudly_and_the_run_ends_well(first_run, refused_run):
    push = refused_run.summary["push"]
    assert refused_run.done.code == 0
    assert "NOT BLESSED" in refused_run.done.out
    assert "REFUSED" in refused_run.done.out
    assert (push["pushed"], push["path"], push["reason"]) == (False, None, "not blessed")
    assert push["served_version"] == first_run.summary["push"]["version"]
    assert versions(refused_run.folder) == [str(first_run.summary["push"]["version"])]


def test_a_refused_bundle_has_its_report_with_the_reason_and_the_served_version_beside_it(first_run, refused_run):
    page = refused_run.report
    served = first_run.summary["push"]["version"]
    assert "The bundle is refused and will not be served." in page
    assert f"Nothing was pushed: not blessed (version {served} stays)." in page
    assert refused_run.gates["recall_change"]["reason"] in html.unescape(page)
    assert f"served {served}</th>" in page
    assert page.count('class="person"') == 5
    assert_self_contained(page)


def test_only_what_depends_on_the_change_is_computed_anew(refused_run):
    assert {stage for stage, cached in refused_run.cached.items() if not cached} == ANEW_WHEN_THE_BUNDLE_CHANGES


def test_a_refusal_can_be_made_to_fail_the_command(refused_run):
    done = recommender(
        "run", "--preset", "demo", *SETTINGS, *WORSE, "--require-blessing", "--output", refused_run.folder.path
    )
    assert done.code == 3
    assert "NOT BLESSED" in done.out


def test_back_at_the_served_settings_nothing_is_judged_or_pushed(refused_run, first_run):
    before = state_of(first_run.folder.pushed_model)
    back = run(first_run.folder.path, "--preset", "demo", *SETTINGS, "--require-blessing")
    assert back.done.code == 0
    assert back.summary["everything_cached"]
    assert not back.summary["push"]["pushed"]
    assert state_of(first_run.folder.pushed_model) == before


@pytest.mark.slow
def test_a_bundle_as_good_as_the_served_one_becomes_the_next_version(first_run, refused_run):
    served = first_run.summary["push"]["version"]
    changed = run(first_run.folder.path, "--preset", "demo", *SETTINGS, "--set", "bundle.default_n=7")
    summary = changed.summary
    assert {stage for stage, cached in changed.cached.items() if not cached} == ANEW_WHEN_THE_BUNDLE_CHANGES
    assert changed.gates["recall_change"]["value"] == pytest.approx(0, abs=1e-9)
    assert summary["push"]["version"] > served
    assert versions(changed.folder) == [str(served), str(summary["push"]["version"])]
    done = recommender("query", "--user", "1", "--model", changed.folder.pushed_model)
    assert f"Model: {summary['push']['path']}" in done.out
