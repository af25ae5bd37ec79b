"""Parts of somebody's own are used by their path alone."""

from __future__ import annotations

import dataclasses
import re
import shlex
import sqlite3
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from components.baselines.config import PeersConfig
from components.baselines.peers import best_peer, candidates
from components.errors import InputError
from components.evaluation.config import EvaluationConfig
from components.evaluation.gate_config import GateConfig
from components.evaluation.metric_kinds import METRICS, list_scores, register
from components.examples import AskedUsers
from components.ingestion.config import DataConfig
from components.ranking.architectures import find_architecture
from pipelines.config import load
from pipelines.kubeflow import compiler
from tests.components.baselines.test_item_knn import ragged
from tests.components.baselines.test_peers import POPULARITY, SEQUENCES
from tests.components.evaluation.fake_bundle import make_answers, make_rows
from tests.components.evaluation.run_evaluator import evaluate
from tests.components.ingestion.ingested import rows_of
from tests.datasets import RATINGS_HEADER, TINY_RATINGS
from tests.end_to_end.command import LENIENT, NO_FINAL_FIT, QUICK, run
from tests.pipelines.kubeflow.compiled import IMAGE, ROOT, documents, steps

SOURCE, METRIC = "tests.own_parts.warehouse:WAREHOUSE", "tests.own_parts.lists:HITS"
NOT_OF_RECALL = {name: GateConfig(rule="none") for name in ("recall_lift", "recall_peer")}
PEER, ARCHITECTURE = "tests.own_parts.lists:BEHIND", "tests.own_parts.flat:FLAT"


@pytest.fixture(autouse=True)
def no_metric_stays():
    """Other tests of this process know the project's own metrics alone."""
    before = set(METRICS)
    yield
    for name in set(METRICS) - before:
        del METRICS[name]


def write_database(path, rows=TINY_RATINGS):
    frame = pd.DataFrame(rows, columns=RATINGS_HEADER).astype({"rating": float, "timestamp": int})
    with sqlite3.connect(path) as database:
        frame.to_sql("ratings", database, index=False)
    return str(path)


def test_a_source_is_read_like_files(tmp_path):
    config = DataConfig(source=SOURCE, ratings=write_database(tmp_path / "shop.db"))
    assert rows_of(config) == rows_of(files(tmp_path))


def files(folder):
    path = folder / "ratings.csv"
    pd.DataFrame(TINY_RATINGS, columns=RATINGS_HEADER).to_csv(path, index=False)
    return DataConfig(source="files", ratings=str(path))


def test_on_kubeflow_a_source_has_its_own_parameters_and_is_opened_by_the_steps_alone():
    spec = documents("auto", data={"source": SOURCE, "ratings": "/data/only/the/cluster/has.db"})[0]
    parameters = spec["root"]["inputDefinitions"]["parameters"]
    assert parameters["ratings"]["defaultValue"] == "/data/only/the/cluster/has.db"
    assert not {"span", "items", "demo_seed"} & set(parameters)
    assert "ExampleGen" in steps(spec)
    assert compiler.CompileOptions(image=IMAGE, pipeline_root=ROOT).target == compiler.KUBEFLOW


def test_a_metric_is_a_figure_of_every_list_and_a_gate_may_be_on_it(tmp_path):
    rows = make_rows()
    answers = make_answers(rows, quality=0.7, star_noise=0.5)
    gate = GateConfig(metric="hit_rate_at_5", against="popularity", rule="better", bound=0.9)
    config = EvaluationConfig(k=20, cut_offs=(5, 10), metrics=(METRIC,), gates={"hits": gate})
    result = evaluate(tmp_path, rows, answers, config=config)
    users = {row.user: row.held_out for row in rows if row.held_out}
    expected = np.mean([bool(set(answers.lists[user][:5]) & set(held_out)) for user, held_out in users.items()])
    assert result.overall["hit_rate_at_5"].model == pytest.approx(expected)
    assert {"hit_rate_at_10", "hit_rate_at_20", "hit_rate_at_5_minus_popularity"} <= set(result.overall)
    (verdict,) = [one for one in result.gates if one.name == "hits"]
    assert not verdict.passed
    assert "hit rate@5" in verdict.reason
    assert not result.blessed


@pytest.mark.parametrize(("quality", "passes"), [(0.9, True), (0.0, False)])
def test_a_metric_of_which_less_is_better_is_judged_in_its_own_direction(tmp_path, quality, passes):
    rows = make_rows()
    gate = GateConfig(metric="first_hit", against="popularity", rule="not_worse", bound=0.0)
    config = EvaluationConfig(
        k=20, cut_offs=(5,), metrics=("tests.own_parts.lists:RANK",), gates={"rank": gate, **NOT_OF_RECALL}
    )
    result = evaluate(tmp_path, rows, make_answers(rows, quality=quality, star_noise=0.5), config=config)
    difference = result.overall["first_hit_minus_popularity"].model
    assert (difference < 0) is passes  # places nearer to the top, or further down
    (verdict,) = [one for one in result.gates if one.name == "rank"]
    assert verdict.passed is passes
    assert "hit_rate_at_5" not in result.overall  # of a configuration before, in this process


def test_nothing_is_gated_by_a_metric_that_has_no_better_direction():
    gate = GateConfig(metric="taste", against="popularity", rule="better", bound=0.0)
    with pytest.raises(InputError) as error:
        EvaluationConfig(metrics=("tests.own_parts.lists:TASTE",), gates={"taste": gate})
    assert "a better direction" in str(error.value.expected)


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("tests.own_parts.lists:NO_METRIC", "a name that no other metric has"),
        ("tests.own_parts.lists:BEHIND", "there is no Metric"),
        ("hit_rate", "there is no Metric"),
    ],
)
def test_what_is_no_metric_is_told(path, says):
    with pytest.raises(InputError) as error:
        EvaluationConfig(metrics=(path,))
    assert says in f"{error.value.what} {error.value.expected}"


def test_a_peer_stands_for_election_beside_the_others():
    peers = candidates(ordered=False, repeats=False, also=(PEER,))
    # Of x, whose last item is 0, item 1 is asked for, and of y too: item-kNN finds both, as whoever has 0 has 1.
    asked = AskedUsers(histories=ragged([2, 2, 0], [1]), left_out=ragged([], []), held_out=ragged([], [2]))
    peer, recalls = best_peer(peers, SEQUENCES, 4, POPULARITY, asked, 1, PeersConfig())
    assert recalls == {"item-kNN": 0.0, "behind the last item": 1.0}
    assert peer.name == "behind the last item"
    with pytest.raises(InputError, match=r"peers\.also: there is no Peer"):
        candidates(ordered=False, repeats=False, also=("tests.own_parts.lists:HITS",))


@pytest.mark.slow
def test_a_whole_run_with_one_of_each(tmp_path):
    rng = np.random.default_rng(5)  # everybody goes through the catalogue in its order
    taken = {user: np.sort(rng.choice(150, 14, replace=False)) for user in range(60)}
    rows = [
        (f"u{u}", f"m{i:03d}", str(rng.integers(1, 6)), str(60 * i + u)) for u, items in taken.items() for i in items
    ]
    own = {
        "data.source": SOURCE,
        "data.ratings": write_database(tmp_path / "shop.db", rows),
        "ranking.architecture": ARCHITECTURE,
        "peers.also": PEER,
        "evaluation.metrics": METRIC,
        "evaluation.gates.hits.metric": "hit_rate_at_5",
        "evaluation.gates.hits.against": "popularity",
        "evaluation.gates.hits.rule": "better",
        "evaluation.gates.hits.bound": "-1",
    }
    settings = [argument for name, value in own.items() for argument in ("--set", f"{name}={value}")]
    done = run(tmp_path / "run", "--preset", "auto", *settings, *QUICK, *LENIENT, *NO_FINAL_FIT)
    assert done.done.code == 0, done.done.text
    assert done.summary["data"]["source"] == "warehouse shop.db"
    assert "behind the last item" in done.done.text
    assert "hit rate@5" in done.done.out
    assert done.gates["hits"]["passed"]


def test_what_the_page_shows_can_be_named_in_settings(tmp_path, monkeypatch):
    page = (Path(__file__).parents[2] / "docs" / "extending.md").read_text(encoding="utf-8")
    for block in re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL):
        path = tmp_path / re.match(r"# (shop/\w+\.py)", block)[1]
        path.parent.mkdir(exist_ok=True)
        with path.open("a") as file:
            file.write(block)
    monkeypatch.syspath_prepend(tmp_path)
    (command,) = re.findall(r"^PYTHONPATH=\. recommender run (.*?)^```", page, re.MULTILINE | re.DOTALL)
    words = shlex.split(command.replace("\\\n", " "))
    config = load("auto", tuple(setting for setting in words if "=" in setting))
    write_database(tmp_path / "shop.db")
    data = dataclasses.replace(config.data, ratings=str(tmp_path / "shop.db"))
    assert len(rows_of(data)) == len(TINY_RATINGS)
    assert find_architecture(config.ranking.architecture).defaults["epochs"] == config.ranking.epochs == 120
    assert candidates(ordered=False, repeats=False, also=config.peers.also)[-1].name == "behind the last item"
    scores = list_scores([2, 3], register(config.evaluation.metrics))
    assert scores["hit_rate_at_2"]([b"a", b"b", b"c"], frozenset([b"c"])) == 0.0
    assert scores["hit_rate_at_3"]([b"a", b"b", b"c"], frozenset([b"c"])) == 1.0
