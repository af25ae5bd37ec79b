import json

import pytest
from tensorflow_metadata.proto.v0 import statistics_pb2
from tfx.v1.components import ExampleValidator

from components.errors import InputError
from components.schema.component import CuratedSchema
from components.schema.curated import curated_schema, to_text
from components.settings import to_json
from components.validation.component import DataGate, RecommenderStatisticsGen
from components.validation.config import StatisticsConfig
from tests.components.validation.mini_pipeline import (
    examples,
    float_properties,
    item,
    output,
    person,
    run,
    user,
    write_split,
)

SAMPLE_ABOVE = 1000
ITEMS = [item("1", "A (1994)", ["Drama", "War"]), item("2", "B", rows=0)]
USERS = [person("ann", rows=3), person("bob")]
SEQUENCES = [user("ann", ["1", "2", "1"], [0.5, 5.0, 3.0]), user("bob", ["1"], [4.0], [3])]
MANY = [user(f"user {row}", ["1"] * (row % 3 + 1), [3.0] * (row % 3 + 1)) for row in range(4000)]


def _run(folder, catalogue, people, sequences, **rows):
    write_split(folder / "entities", "items", catalogue)
    write_split(folder / "entities", "users", people)
    write_split(folder / "sequences", "all", sequences)
    entities = examples("Entities", folder / "entities", ["items", "users"], **rows)
    ordered = examples("Sequences", folder / "sequences", ["all"], **rows)
    nodes = [entities, ordered]
    validators = {}
    for name, source in (("Entity", entities), ("Sequence", ordered)):
        kind = "entities" if source is entities else "sequences"
        config = to_json(StatisticsConfig(sample_above=SAMPLE_ABOVE))
        statistics = RecommenderStatisticsGen(examples=source.outputs["result"], config=config)
        schema = CuratedSchema(text=to_text(curated_schema(kind, rating_min=0.5, rating_max=5)))
        validators[kind] = ExampleValidator(
            statistics=statistics.outputs["statistics"], schema=schema.outputs["schema"]
        ).with_id(f"{name}Validator")
        nodes += [statistics.with_id(f"{name}Statistics"), schema.with_id(f"{name}Schema"), validators[kind]]
    gate = DataGate(**{f"{kind}_anomalies": validator.outputs["anomalies"] for kind, validator in validators.items()})
    later = CuratedSchema(text=to_text(curated_schema("entities"))).with_id("Later")
    later.add_upstream_node(gate)
    run(folder / "run", [*nodes, gate, later])


@pytest.fixture(scope="module")
def clean(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clean")
    _run(folder, ITEMS, USERS, MANY, items=2, users=4000)
    return folder / "run"


@pytest.fixture(scope="module")
def refused(tmp_path_factory):
    folder = tmp_path_factory.mktemp("faulty")
    no_parts = {name: value for name, value in SEQUENCES[0].items() if name != "sequence_parts"}
    with pytest.raises(InputError) as error:
        _run(
            folder,
            [*ITEMS, item("3", "C", ["Gothic"])],
            [*USERS, person("cy", rows=-1)],
            [*SEQUENCES, user("cy", ["1"], [9.0]), no_parts],
        )
    return str(error.value), folder / "run"


def test_clean_data_passes_and_the_run_goes_on(clean):
    assert json.loads(output(clean, "DataGate", "gate").joinpath("value").read_text()) == {"warnings": []}
    assert output(clean, "Later", "schema").is_dir()


def test_a_large_split_is_sampled_and_small_ones_are_not(clean):
    assert _statistics(clean, "Entity", "items").num_examples == 2
    sequences = _statistics(clean, "Sequence", "all").num_examples
    assert 800 < sequences < 1200  # 4,000 users, a quarter of them drawn: 1,000 with a deviation of 27


def test_the_sampled_share_stands_in_the_artifact(clean):
    rates = float_properties(clean, "ExampleStatistics")
    assert {"sample_rate_all": 0.25} in rates
    assert {"sample_rate_items": 1.0, "sample_rate_users": 0.25} in rates


def test_every_fault_is_named_with_split_feature_expectation_and_finding(refused):
    lines = sorted(line for line in refused[0].splitlines() if line.startswith("  - "))
    assert len(lines) == 4
    genre, rows, parts, rating = lines
    assert genre.startswith("  - entities, split items, item_genres: expected any number of BYTES, out of Action, ")
    assert "Gothic" in genre.split("found:")[1]
    assert rows.startswith("  - entities, split users, rows: expected any number of INT, at least 0, in every row")
    assert "-1" in rows.split("found:")[1]
    assert parts.startswith("  - sequences, split all, sequence_parts: expected any number of BYTES, in every row")
    assert rating.startswith(
        "  - sequences, split all, sequence_ratings: expected any number of FLOAT, from 0.5 to 5, in every row; found:"
    )
    assert "9" in rating.split("found:")[1]


def test_nodes_behind_the_gate_do_not_start(refused):
    assert not (refused[1] / "Later" / "schema").exists()


def _statistics(folder, node, split):
    path = output(folder, f"{node}Statistics", "statistics") / f"Split-{split}" / "FeatureStats.pb"
    statistics = statistics_pb2.DatasetFeatureStatisticsList.FromString(path.read_bytes())
    return statistics.datasets[0]
