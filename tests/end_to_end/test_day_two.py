"""The loop closes: events of a server become a span, and the run that appends it starts from the served weights."""

from __future__ import annotations

import datetime
import json
from pathlib import Path

import numpy as np
import pytest

from serving.events.event import Event
from serving.events.store import open_store
from serving.model import LoadedBundle
from tests.datasets import write_csv
from tests.end_to_end.command import LENIENT, Run, recommender, run

USERS, ITEMS, EACH = 60, 40, 12
DAY = datetime.date(2026, 11, 27)
MIDNIGHT = int(datetime.datetime.combine(DAY, datetime.time(), datetime.timezone.utc).timestamp())

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]


def before(folder: Path) -> Path:
    """Stars that follow from the parity of user and item, of the weeks before the day."""
    rng = np.random.default_rng(7)
    rows = [
        (f"u{user}", f"i{item}", 5.0 if (user + item) % 2 == 0 else 2.0, MIDNIGHT - 86_400 * (EACH - place))
        for user in range(USERS)
        for place, item in enumerate(rng.permutation(ITEMS)[:EACH])
    ]
    return write_csv(folder / "before.csv", ("user", "item", "rating", "timestamp"), rows)


def live_on(store_url: str) -> None:
    """What people did on the day: users who are known and one who is new, items that are known and one that is new."""
    store = open_store(store_url)
    told = [(f"u{user}", f"i{item}") for user in range(12) for item in (user, user + 2)] + [("newcomer", "i1")]
    told += [(f"u{user}", "novelty") for user in range(6)] + [("newcomer", f"i{item}") for item in (3, 5, 7)]
    store.add(
        [
            Event(user, item, "rating", MIDNIGHT + 60.0 * place, 4.0, f"e{place}", "")
            for place, (user, item) in enumerate(told)
        ]
    )
    store.close()


@pytest.fixture(scope="module")
def loop(tmp_path_factory):
    work = tmp_path_factory.mktemp("loop")
    store, spans = f"sqlite:///{work}/events.db", f"{work}/events/{{YYYY}}-{{MM}}-{{DD}}.csv"
    history = before(work)
    options = ("--set", "retrieval.epochs=12", "--set", "retrieval.eval_every=2", "--set", "ranking.epochs=30")
    first = run(work / "run", "--ratings", history, *options, *LENIENT)
    live_on(store)
    exported = recommender("events", "export", "--event-store", store, "--day", DAY, "--output", spans)
    warm = ("--set", "training.warm_start=true", "--set", "training.warm_epochs=3")
    second = run(work / "run", "--ratings", f"{history},{spans}", "--append", DAY, *options, *warm, *LENIENT)
    return first, exported, second


@pytest.fixture(scope="module")
def refreshed(loop, tmp_path_factory):
    """A day more, with another item, by `recommender refresh`."""
    work = loop[0].folder.path.parent
    rows = [(f"u{user}", "unheard", 4.0, MIDNIGHT + 90_000 + user) for user in range(9)]
    write_csv(work / "events" / "2026-11-28.csv", ("user", "item", "rating", "timestamp"), rows)
    spans = f"{work}/events/{{YYYY}}-{{MM}}-{{DD}}.csv"
    options = ("--ratings", f"{work}/before.csv,{spans}", "--append", "2026-11-28", "--output", work / "run")
    done = recommender("refresh", *options, *LENIENT)
    return Run(loop[2].folder, done, json.loads(loop[2].folder.summary.read_text()), "")


def told_by(ended, stage, name):
    """A file of a trainer's `model_run`."""
    uri = next(one["outputs"]["model_run"] for one in ended.summary["stages"] if one["id"] == stage)
    return json.loads((Path(uri) / name).read_text())


def test_the_day_is_exported_as_a_span(loop):
    first, exported, _ = loop
    assert first.done.code == 0, first.done.text
    assert exported.code == 0, exported.text
    assert f"34 events of {DAY}" in exported.out


def test_the_next_run_starts_from_what_is_served_and_knows_the_day(loop):
    first, _, second = loop
    assert second.done.code == 0, second.done.text
    for stage, which in (("RetrievalTrainer", "retrieval"), ("RankingTrainer", "ranking")):
        cold, warm = (told_by(ended, stage, "training.json") for ended in (first, second))
        assert told_by(second, stage, "started.json")["weights"].endswith(f"{which}_weights.npz")
        assert max(entry["epoch"] for entry in warm["epochs"]) <= 3 < max(entry["epoch"] for entry in cold["epochs"])
        assert warm["epochs"][0]["epoch"] == 0  # what it starts from is judged first
        assert all(0 <= chosen <= 3 for chosen in warm["chosen_epochs"])
    trained = next(entry for entry in warm["epochs"] if entry["epoch"])
    assert trained["loss"] < 0.9 * cold["epochs"][0]["loss"]  # ratings go on from where they were
    bundle = LoadedBundle(second.summary["push"]["path"])
    assert [item for item, _, _ in bundle.user_history("newcomer")] == ["i1", "i3", "i5", "i7"]
    assert bundle.facts["newest_row"] == MIDNIGHT + 60 * 33
    assert bundle.similar("novelty")


def test_weights_lie_beside_what_was_judged_and_not_in_what_is_served(loop):
    _, _, second = loop
    pushed = Path(second.summary["push"]["path"])
    judged = pushed.parent / "judged" / pushed.name
    names = {"retrieval_weights.npz", "ranking_weights.npz"}
    assert names <= {path.name for path in (judged / "assets.extra").iterdir()}
    assert not names & {path.name for path in (pushed / "assets.extra").iterdir()}


def test_a_refresh_knows_what_is_new_and_trains_nothing(loop, refreshed):
    _, _, second = loop
    assert refreshed.done.code == 0, refreshed.done.text
    assert refreshed.summary["push"]["pushed"]
    assert refreshed.summary["push"]["version"] != second.summary["push"]["version"]
    for stage in ("RetrievalTrainer", "RankingTrainer"):
        assert told_by(refreshed, stage, "training.json")["epochs"] == []
    old, new = (LoadedBundle(ended.summary["push"]["path"]) for ended in (second, refreshed))
    assert [item for item, _, _ in new.user_history("u0")] == [item for item, _, _ in old.user_history("u0")] + [
        "unheard"
    ]
    assert new.similar("unheard") and not old.similar("unheard")
    judged = Path(refreshed.summary["push"]["path"]).parent / "judged"
    weights = [
        np.load(judged / str(ended.summary["push"]["version"]) / "assets.extra" / "retrieval_weights.npz")
        for ended in (second, refreshed)
    ]
    vectors = [dict(zip(one["names/candidates.ids"].tolist(), one["0/candidates.ids"], strict=True)) for one in weights]
    for item in vectors[0].keys() & vectors[1].keys():
        np.testing.assert_array_equal(vectors[0][item], vectors[1][item])


def test_there_is_nothing_to_refresh_before_the_first_run(tmp_path):
    done = recommender("refresh", "--ratings", before(tmp_path), "--output", tmp_path / "run", *LENIENT)
    assert done.code == 2
    assert "there is nothing to refresh" in done.err and "recommender run with the same options" in done.err
