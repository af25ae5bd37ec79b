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
from components.validation.kept_statistics import find_reference, keep
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
    inputs = {}
    for name, source in (("Entity", entities), ("Sequence", ordered)):
        kind = "entities" if source is entities else "sequences"
        config = to_json(StatisticsConfig(sample_above=SAMPLE_ABOVE))
        statistics = RecommenderStatisticsGen(examples=source.outputs["result"], config=config)
        schema = CuratedSchema(text=to_text(curated_schema(kind, rating_min=0.5, rating_max=5, drift_above=0.3)))
        validator = ExampleValidator(statistics=statistics.outputs["statistics"], schema=schema.outputs["schema"])
        for stage, output_key in ((statistics, "statistics"), (schema, "schema"), (validator, "anomalies")):
            inputs[f"{kind}_{output_key}"] = stage.outputs[output_key]
        nodes += [statistics.with_id(f"{name}Statistics"), schema.with_id(f"{name}Schema")]
        nodes.append(validator.with_id(f"{name}Validator"))
    gate = DataGate(push_directory=str(folder.parent / "pushed"), **inputs)
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
    assert _said(clean) == {"warnings": [], "drift": None}
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


@pytest.fixture(scope="module")
def drifted(tmp_path_factory):
    """Runs over two data; the first ones are those of version 7, which is served."""
    work = tmp_path_factory.mktemp("drift")
    people = [person(f"user {number}") for number in range(4)]

    def sequences(*ratings):
        return [user(f"user {number}", ["1", "2"], ratings) for number in range(4)]

    catalogue = [item(str(number), "A", ["Drama"] if number else ["War"]) for number in range(4)]
    _run(work / "first", catalogue, people, sequences(1.0, 1.0), items=4, users=4)
    version = work / "pushed" / "7"
    version.mkdir(parents=True)
    (version / "saved_model.pb").touch()
    keep(_written(work / "first" / "run"), str(version))
    changed = [item(str(number), "A", ["War"] if number else ["Drama"]) for number in range(4)]
    _run(work / "second", changed, people, sequences(5.0, 5.0), items=4, users=4)
    return work


def test_data_unlike_those_of_the_served_version_are_told_with_their_distances(drifted):
    said = _said(drifted / "second" / "run")["drift"]
    assert said["version"] == 7
    found = {one["feature"]: one for one in said["features"]}
    assert set(found) == {"item_genres", "rows", "sequence_item_ids", "sequence_ratings"}
    # Drama: three of four items, then one of four.
    assert found["item_genres"]["distance"] == pytest.approx(0.5)
    assert found["item_genres"]["is_above"]
    # Every rating was 1, then every one is 5: nothing in common is one bit.
    assert found["sequence_ratings"]["distance"] == pytest.approx(1)
    for same in ("rows", "sequence_item_ids"):
        assert (found[same]["distance"], found[same]["is_above"]) == (0, False)


def test_the_version_that_was_trained_on_these_very_data_is_nothing_to_compare_with(drifted):
    own = _written(drifted / "first" / "run")
    assert find_reference(str(drifted / "pushed"), own) is None
    assert find_reference(str(drifted / "pushed"), _written(drifted / "second" / "run")).version == 7


def test_versions_without_statistics_are_passed_over(drifted, tmp_path):
    (tmp_path / "3").mkdir()
    (tmp_path / "3" / "saved_model.pb").touch()
    assert find_reference(str(tmp_path), _written(drifted / "first" / "run")) is None


def _said(folder):
    return json.loads(output(folder, "DataGate", "gate").joinpath("value").read_text())


def _written(folder):
    return {
        (data, path.parent.name.removeprefix("Split-")): path.read_bytes()
        for data, node in (("entities", "EntityStatistics"), ("sequences", "SequenceStatistics"))
        for path in output(folder, node, "statistics").glob("Split-*/FeatureStats.pb")
    }


def _statistics(folder, node, split):
    path = output(folder, f"{node}Statistics", "statistics") / f"Split-{split}" / "FeatureStats.pb"
    statistics = statistics_pb2.DatasetFeatureStatisticsList.FromString(path.read_bytes())
    return statistics.datasets[0]
