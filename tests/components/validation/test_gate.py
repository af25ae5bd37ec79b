import json

import pytest
from tensorflow_metadata.proto.v0 import statistics_pb2
from tfx.v1.components import ExampleValidator, ImportSchemaGen

from components.errors import InputError
from components.schema.curated import schema_file
from components.settings import to_json
from components.validation.component import DataGate, RecommenderStatisticsGen
from components.validation.config import StatisticsConfig
from tests.components.validation.mini_pipeline import (
    examples,
    float_properties,
    interaction,
    movie,
    output,
    run,
    write_split,
)

SAMPLE_ABOVE = 1000
HISTORY = {"history_movie_ids": ["1", "2"], "history_ratings": [3.0, 4.5]}
MARKED = {**HISTORY, "held_out_movie_ids": ["7", "8"], "seen_movie_ids": ["1", "2"]}
CATALOGUE = [movie("1", "A (1994)", ["Drama", "War"]), movie("2", "B")]
TRAIN = [interaction(str(row % 40), str(row % 7), 0.5 + row % 10 / 2, genres=["Drama"][: row % 2]) for row in range(40)]
MANY = [{**TRAIN[row % 40], "timestamp": [row]} for row in range(4000)]
EVAL = [{**interaction("1", "7"), **MARKED}, {**interaction("1", "8", genres=["Film-Noir"]), **HISTORY}]
TEST = [{**interaction("1", "9"), **MARKED}]


def _run(folder, splits, catalogue, rows_train=0):
    for split, rows in splits.items():
        write_split(folder / "ratings", split, rows)
    write_split(folder / "movies", "all", catalogue)
    movies = examples("Movies", folder / "movies", ["all"], rows=len(catalogue))
    ratings = examples("Ratings", folder / "ratings", list(splits), rows_train=rows_train, rows_eval=2, rows_test=1)
    nodes = [movies, ratings]
    validators = {}
    for name, source, kind in (("Movies", movies, "movies"), ("Ratings", ratings, "interactions")):
        config = to_json(StatisticsConfig(sample_above=SAMPLE_ABOVE))
        statistics = RecommenderStatisticsGen(examples=source.outputs["result"], config=config)
        schema = ImportSchemaGen(schema_file=schema_file(kind))
        validators[name.lower()] = ExampleValidator(
            statistics=statistics.outputs["statistics"], schema=schema.outputs["schema"]
        ).with_id(f"{name}Validator")
        nodes += [statistics.with_id(f"{name}Statistics"), schema.with_id(f"{name}Schema"), validators[name.lower()]]
    gate = DataGate(**{f"{name}_anomalies": validator.outputs["anomalies"] for name, validator in validators.items()})
    later = ImportSchemaGen(schema_file=schema_file("movies")).with_id("Later")
    later.add_upstream_node(gate)
    run(folder / "run", [*nodes, gate, later])


@pytest.fixture(scope="module")
def clean(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clean")
    _run(folder, {"train": MANY, "eval": EVAL, "test": TEST}, CATALOGUE, rows_train=4000)
    return folder / "run"


@pytest.fixture(scope="module")
def refused(tmp_path_factory):
    folder = tmp_path_factory.mktemp("faulty")
    untitled = {name: value for name, value in TEST[0].items() if name != "movie_title"}
    splits = {
        "train": [*TRAIN, interaction("1", "1", rating=9.0)],
        "eval": [*EVAL, interaction("1", "2", genres=["Drama", "Polka"])],
        "test": [untitled],
    }
    with pytest.raises(InputError) as error:
        _run(folder, splits, [*CATALOGUE, movie("3", "C", ["Gothic"])])
    return str(error.value), folder / "run"


def test_clean_data_passes_and_the_run_goes_on(clean):
    assert json.loads(output(clean, "DataGate", "gate").joinpath("value").read_text()) == {
        "warnings": [],
        "audited_users": 0,
    }
    assert output(clean, "Later", "schema").is_dir()


def test_a_large_split_is_sampled_and_small_ones_are_not(clean):
    rows = {split: _statistics(clean, split).num_examples for split in ("train", "eval", "test")}
    assert rows["eval"] == 2
    assert rows["test"] == 1
    assert 800 < rows["train"] < 1200  # 4,000 rows, a quarter of them drawn: 1,000 with a deviation of 27


def test_the_sampled_share_stands_in_the_artifact(clean):
    rates = float_properties(clean, "ExampleStatistics")
    assert {"sample_rate_train": 0.25, "sample_rate_eval": 1.0, "sample_rate_test": 1.0} in rates
    assert {"sample_rate_all": 1.0} in rates


def test_every_fault_is_named_with_split_feature_expectation_and_finding(refused):
    lines = [line for line in refused[0].splitlines() if line.startswith("  - ")]
    assert len(lines) == 4
    genre, rating, polka, title = lines
    assert genre.startswith("  - movies, split all, movie_genres: expected any number of BYTES, out of Action, ")
    assert "Gothic" in genre.split("found:")[1]
    assert rating.startswith(
        "  - ratings, split train, rating: expected one FLOAT, from 0.5 to 5, in every row; found:"
    )
    assert "9" in rating.split("found:")[1]
    assert polka.startswith("  - ratings, split eval, movie_genres:")
    assert "Polka" in polka.split("found:")[1]
    assert title.startswith("  - ratings, split test, movie_title: expected one BYTES, in every row; found:")


def test_nodes_behind_the_gate_do_not_start(refused):
    assert not (refused[1] / "Later" / "schema").exists()


def _statistics(folder, split):
    path = output(folder, "RatingsStatistics", "statistics") / f"Split-{split}" / "FeatureStats.pb"
    statistics = statistics_pb2.DatasetFeatureStatisticsList.FromString(path.read_bytes())
    return statistics.datasets[0]
