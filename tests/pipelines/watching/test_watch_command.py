"""`recommender watch` on the log and the events of a real server, which people of known taste ask and use.

The recipe of docs/watch.md: two versions behind the labels `a` and `b`, people go to one of them by a hash of their id.
"""

from __future__ import annotations

import contextlib
import datetime
import json
import re
import zlib
from pathlib import Path

import numpy as np
import pytest

from components.bundle.config import BundleConfig
from components.validation.kept_statistics import keep
from pipelines.watching.distances import statistics_of
from serving.client import RecommenderClient
from serving.models.config import read_models_config
from serving.models.registry import VersionsConfig
from serving.request_log.config import LoggedModel, RequestLogConfig
from serving.request_log.files import RecordFiles
from serving.server import EventsConfig, ServerConfig, running
from tests.components.bundle.small_bundle import build_bundle
from tests.end_to_end.command import recommender
from tests.serving.asking import wait_for

NICHES, EACH, PEOPLE, VISITS = 4, 12, 240, 3
ITEMS = NICHES * EACH
TODAY = datetime.datetime.now(datetime.timezone.utc).date()
DAY = datetime.timedelta(days=1)
TASTE, CHANCE, PATIENCE = 0.45, 0.05, 0.85
"""How likely somebody takes an item of the own niche or another one that is looked at, and looks further down."""


def niche_of_user(number):
    return number % NICHES


def niche_of_item(number):
    return number // EACH


def version(folder, *, knows_niches):
    """A version whose items lie by niche, or anywhere; a person's last item is what is asked with."""
    rng = np.random.default_rng(3)
    niches = np.arange(ITEMS) // EACH
    vectors = np.eye(NICHES)[niches if knows_niches else rng.permutation(niches)] + 0.1 * rng.normal(
        size=(ITEMS, NICHES)
    )
    build_bundle(
        folder,
        item_ids=[f"i{number}" for number in range(ITEMS)],
        genres=[["even"] if number % 2 == 0 else ["odd"] for number in range(ITEMS)],
        vectors=vectors,
        biases=np.zeros(ITEMS, np.float32),
        users={f"u{number}": [EACH * niche_of_user(number) + number % EACH] for number in range(PEOPLE)},
        test_rows={},
        config=BundleConfig(default_n=5),
    )
    everything = [[f"i{EACH * niche_of_user(number) + number % EACH}"] for number in range(PEOPLE)] * 5
    keep({("sequences", "all"): statistics_of({"sequence_item_ids": everything}).SerializeToString()}, str(folder))


def recipe():
    """The models.config of docs/watch.md."""
    text = (Path(__file__).parents[3] / "docs" / "watch.md").read_text(encoding="utf-8")
    section = text[text.index("## Which of two versions is better") :]
    return re.search(r"```\n(model_config_list .*?)```", section, re.DOTALL)[1]


@contextlib.contextmanager
def served(base, work, **options):
    """A server of both versions that logs requests and keeps events."""
    (work / "models.config").write_text(recipe().replace("/models/recommender", str(base)))
    config = ServerConfig(
        models=read_models_config(work / "models.config"),
        versions=VersionsConfig(allow_labels_for_unavailable=True),
        rest_port=0,
        grpc_port=None,
        request_log=RequestLogConfig(default=LoggedModel(prefix=work / "requests"), **options),
        events=EventsConfig(url=f"sqlite:///{work}/events.db", kinds=("none of these",)),
    )
    with running(config) as server:
        wait_for(lambda: not server.models.missing())
        yield f"http://127.0.0.1:{server.rest_port}"


def live(address, seed):
    """Everybody visits some times: asks, looks down the list, takes some of it, and says so."""
    rng = np.random.default_rng(seed)
    with contextlib.ExitStack() as stack:
        arms = [stack.enter_context(RecommenderClient(address, label=label)) for label in "ab"]
        for visit in range(VISITS):
            for number in range(PEOPLE):
                user = f"u{number}"
                client = arms[zlib.crc32(f"first experiment/{user}".encode()) % 2]
                request = f"{seed}-{user}-{visit}"
                (answer,) = client.recommend([user], request_id=request)
                taken = [item.id for item in looked_at(answer.items, rng) if likes(number, item.id, rng)]
                if taken:
                    client.add_events([{"user": user, "item": item, "request_id": request} for item in taken])


def looked_at(items, rng):
    for item in items:
        yield item
        if rng.random() > PATIENCE:
            return


def likes(user, item, rng):
    return rng.random() < (TASTE if niche_of_item(int(item[1:])) == niche_of_user(user) else CHANCE)


def hit_rate(taken):
    """Of a list of five, each of which is taken with the same chance if it is looked at."""
    nothing = 1.0
    for place in range(5):  # from the bottom up
        nothing = (1 - taken) * (1 - PATIENCE + PATIENCE * nothing if place else 1)
    return 1 - nothing


def watched(base, work, *more):
    return recommender(
        "watch",
        base,
        "--request-log",
        work / "requests",
        "--event-store",
        f"sqlite:///{work}/events.db",
        "--day",
        TODAY - DAY,
        "--until",
        TODAY + DAY,  # a test may go on over midnight
        "--output",
        work / "watch",
        *more,
    )


@pytest.fixture(scope="module")
def experiment(tmp_path_factory):
    """The better version is `b`."""
    work = tmp_path_factory.mktemp("experiment")
    base = work / "versions"
    version(base / "1", knows_niches=False)
    version(base / "2", knows_niches=True)
    with served(base, work) as address:
        live(address, seed=1)
    return base, work


def test_the_better_version_is_found(experiment):
    base, work = experiment
    done = watched(base, work, "--skew-above", "1")
    assert done.code == 0, done.text
    assert "of the hit rate: better" in done.out
    facts = json.loads((work / "watch" / "watch.json").read_text())
    poor, good = facts["versions"]
    assert [poor["labels"], good["labels"]] == [["a"], ["b"]]
    assert poor["lists"] + good["lists"] == PEOPLE * VISITS and poor["people"] + good["people"] == PEOPLE
    assert facts["comparisons"][0]["verdict"] == "better"
    assert good["hit_rate"]["value"] == pytest.approx(hit_rate(TASTE), abs=0.06)
    assert poor["hit_rate"]["value"] == pytest.approx(hit_rate(0.25 * TASTE + 0.75 * CHANCE), abs=0.1)
    assert facts["events"]["joined"] == facts["events"]["all"] > 0


def test_the_page_and_the_schema_are_written(experiment):
    base, work = experiment
    watched(base, work, "--skew-above", "1")
    page = (work / "watch" / "watch.html").read_text()
    assert "nothing is too far" in page and "better" in page and "<svg" in page
    schema = work / "watch" / "schema.pbtxt"
    assert 'name: "item"' in schema.read_text()
    schema.write_text(schema.read_text().replace("threshold: 1.0", "threshold: 0.0"))
    again = watched(base, work, "--schema", schema, "--least", "10")
    assert again.code == 4
    assert "too far: skew of item: largest difference of a share" in again.out


def test_skew_ends_with_4_and_names_the_feature(experiment):
    """Events of one item: its share differs by more than half from that of training."""
    from serving.events.event import Event
    from serving.events.store import open_store

    base, work = experiment
    moment = datetime.datetime.now(datetime.timezone.utc).timestamp()
    store = open_store(f"sqlite:///{work}/events.db")
    store.add([Event(f"robot{n}", "i7", "robot", moment, None, f"robot-{n}", "") for n in range(3000)])
    store.close()
    done = watched(base, work)
    assert done.code == 4
    assert "too far: skew of item" in done.out
    assert "too far: item" in (work / "watch" / "watch.html").read_text()
    honest = watched(base, work, "--event-kinds", "view")
    assert honest.code == 0, honest.text


def test_equal_versions_are_not_told_apart(tmp_path):
    base = tmp_path / "versions"
    for number in "12":
        version(base / number, knows_niches=True)
    (tmp_path / "key").write_text("a key")
    with served(base, tmp_path, key_file=tmp_path / "key") as address:
        live(address, seed=2)
    done = watched(base, tmp_path, "--skew-above", "1", "--request-log-key-file", tmp_path / "key")
    assert done.code == 0, done.text
    assert "of the hit rate: no difference is shown" in done.out


@pytest.mark.parametrize(
    ("words", "more"),
    [
        ("there is no request log", {"--request-log": "/tmp/no-such-log"}),
        ("has no list of model recommender", {"--day": "2020-01-01", "--until": "2020-01-02"}),
        ("has no list of model other", {"--model": "other"}),
        ("is no schema", {"--schema": __file__}),
        ("is before --day", {"--day": "2026-11-02", "--until": "2026-11-01"}),
        ("is not a day", {"--day": "yesterday"}),
    ],
)
def test_what_cannot_be_watched_is_explained(experiment, words, more):
    base, work = experiment
    given = {"--request-log": work / "requests", "--day": TODAY} | more
    done = recommender("watch", base, *(word for option in given.items() for word in option))
    assert done.code == 2 and words in done.err, done.text


def test_a_file_that_is_no_log_is_named(experiment, tmp_path):
    base, _ = experiment
    files = RecordFiles(tmp_path / "requests", 1 << 20, 9)
    files.write(b"\xff\xff no PredictionLog")
    files.close()
    done = recommender("watch", base, "--request-log", tmp_path / "requests", "--day", TODAY, "--until", TODAY + DAY)
    assert done.code == 2 and "is no request log: it is no tensorflow.serving.PredictionLog" in done.err, done.text
