"""ServedModel → Evaluator → Pusher through TFX's local runner, several runs in one metadata store."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.components.evaluation.chain import CACHED, COMPLETE, Chain, Outcome


def reasons(outcome: Outcome) -> dict[str, str]:
    return {gate.name: gate.reason for gate in outcome.result.gates}


def refused(outcome: Outcome) -> set[str]:
    return {gate.name for gate in outcome.result.gates if not gate.passed}


def test_blessing_push_cache_refusal_and_return(tmp_path: Path) -> None:
    chain = Chain(tmp_path)

    first = chain.run(quality=0.7)
    assert first.result.blessed
    assert (first.served["absent"], first.served["version"]) == (1, "")
    assert first.result.served_version is None
    assert reasons(first)["recall_change"] == "nothing is served yet: recall@20 not compared"
    assert len(first.versions) == 1
    assert first.pushed["pushed"] == 1
    assert first.pushed["pushed_version"] == str(first.versions[0])
    assert first.pushed["pushed_destination"] == f"{chain.push_directory}/{first.versions[0]}"

    unchanged = chain.run(quality=0.7)
    assert set(unchanged.states.values()) == {CACHED}
    assert unchanged.versions == first.versions

    worse = chain.run(quality=0.35)
    assert not worse.result.blessed
    assert refused(worse) >= {"recall_change"}
    assert "rmse_change" not in refused(worse)  # the stars are the same
    assert f"served version {first.versions[0]}" in reasons(worse)["recall_change"]
    assert worse.result.served_version == str(first.versions[0])
    assert worse.result.overall["recall_at_20"].served == first.result.overall["recall_at_20"].model
    assert worse.versions == first.versions
    assert worse.pushed["pushed"] == 0

    better = chain.run(quality=0.9, star_noise=0.4)
    assert better.result.blessed
    assert better.result.served_version == str(first.versions[0])  # the refused one was never served
    assert len(better.versions) == 2
    assert better.served["version"] == str(first.versions[0])

    back = chain.run(quality=0.7)  # its old blessing was without a baseline, and does not count any more
    assert back.states["FakeBundler"] == CACHED
    assert back.states["RecommenderEvaluator"] == COMPLETE
    assert refused(back) == {"recall_change", "rmse_change"}  # .2 of recall and .1 stars are more than noise
    assert back.versions == better.versions

    shutil.rmtree(chain.push_directory / str(better.versions[1]))
    again = chain.run(quality=0.9, star_noise=0.4)
    assert again.states["RecommenderEvaluator"] == CACHED
    assert again.states["AtomicPusher"] == COMPLETE
    assert again.pushed["pushed"] == 1
    assert len(again.versions) == 2

    settled = chain.run(quality=0.9, star_noise=0.4)
    assert settled.states["AtomicPusher"] == CACHED
    assert settled.versions == again.versions
