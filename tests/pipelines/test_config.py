import dataclasses
import typing

import pytest

from components.errors import InputError
from pipelines.config import PipelineConfig, load, preset_names


@pytest.mark.parametrize("name", [name for name in preset_names() if name != "auto"])
def test_every_preset_is_valid(name):
    load(name)


def test_own_data_needs_data():
    with pytest.raises(InputError, match=r"data\.ratings"):
        load("auto")
    assert load("auto", data_options={"ratings": "r.csv"}).data.source == "files"


def test_a_preset_file_may_lie_anywhere(tmp_path):
    preset = tmp_path / "mine.toml"
    preset.write_text("[retrieval]\nepochs = 3\n")
    assert load(str(preset)).retrieval.epochs == 3


def test_an_override_wins_over_the_preset():
    assert load("demo", ["data.demo_users=17", "retrieval.half_lives=0,2.5"]).data.demo_users == 17
    assert load("demo", ["retrieval.half_lives=0,2.5"]).retrieval.half_lives == (0.0, 2.5)


def test_an_unknown_key_lists_the_valid_ones_and_the_nearest():
    with pytest.raises(InputError) as error:
        load("demo", ["retrieval.epoch=3"])
    assert "retrieval.epoch" in error.value.what
    assert "learning_rate" in error.value.expected
    assert "`epochs`" in error.value.action


def test_an_unknown_section_lists_the_valid_ones():
    with pytest.raises(InputError) as error:
        load("demo", ["retreival.epochs=3"])
    assert "evaluation" in error.value.expected
    assert "`retrieval`" in error.value.action


@pytest.mark.parametrize(
    "override",
    [
        "retrieval.epochs=３",  # full-width digit: Python's int() would take it
        "retrieval.epochs=three",
        "retrieval.epochs=2.5",
        "retrieval.epochs=true",
        "retrieval.learning_rate=nan",
        "retrieval.epochs=0",
        "retrieval.epochs",
        "epochs=3",
        "=3",
    ],
)
def test_an_impossible_override_is_refused_and_says_what_was_received(override):
    with pytest.raises(InputError) as error:
        load("demo", [override])
    assert error.value.expected


def test_an_unknown_preset_lists_the_presets():
    with pytest.raises(InputError) as error:
        load("dem")
    assert "demo" in error.value.expected
    assert "movielens-latest-small" in error.value.expected


def test_broken_toml_names_the_file(tmp_path):
    preset = tmp_path / "mine.toml"
    preset.write_text("[retrieval\n")
    with pytest.raises(InputError, match=r"mine\.toml"):
        load(str(preset))


def test_an_architecture_brings_its_own_defaults_which_a_setting_still_overrides():
    dense = load("demo", ["ranking.architecture=dense"]).ranking
    assert (dense.batch_size, dense.epochs, dense.patience) == (8192, 30, 5)
    assert load("demo", ["ranking.architecture=dense", "ranking.epochs=3"]).ranking.epochs == 3
    assert load("demo").ranking.epochs == 250


def test_a_model_reads_no_longer_history_than_the_judged_rows_carry():
    with pytest.raises(InputError, match="history_length"):
        load("demo", ["retrieval.history_length=500"])
    assert load("demo", ["retrieval.history_length=500", "split.history_length=500"]).retrieval.history_length == 500


def numeric_settings():
    """Every setting that is a number or a list of numbers, with its type."""
    for section in dataclasses.fields(PipelineConfig):
        for name, kind in typing.get_type_hints(type(section.default)).items():
            if kind in (int, float, tuple[int, ...], tuple[float, ...]):
                yield f"{section.name}.{name}", kind


MAY_BE_NEGATIVE = {"data.rating_min"}


@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "-1", "1e300", str(10**40)])
def test_no_number_that_cannot_work_is_taken(value):
    """Smallest cases that got through: half_lives=-1 (weights that grow with age), layers=-3, learning_rate=inf."""
    taken = []
    for key, _ in numeric_settings():
        if value == "-1" and key in MAY_BE_NEGATIVE:
            continue
        try:
            load("demo", [f"{key}={value}"])
        except InputError as error:
            assert key in error.what
            assert error.expected
            assert value in error.received or f"{float(value)}" in error.received
        else:
            taken.append(key)
    assert not taken


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("retrieval.half_lives=0,-1", "0.01 or more, or 0"),
        ("retrieval.half_lives=1e-40", "0.01 or more, or 0"),  # 0 in float32, and 0 / 0 at the latest item
        ("ranking.layers=64,-3", "1 or more"),
        ("ranking.layers=0", "1 or more"),
        ("ranking.learning_rate=inf", "a finite number"),
        ("retrieval.learning_rate=2", "at most 1"),
        ("ranking.seed=-1", "from 0"),
        ("retrieval.seed=4294967296", "below 1,073,741,824"),
        ("evaluation.gates.recall_lift.bound=1", "below 1"),
    ],
)
def test_a_setting_out_of_its_bounds_is_named_with_what_was_expected(override, expected):
    key, _, value = override.partition("=")
    with pytest.raises(InputError) as error:
        load("demo", [override])
    assert key in error.value.what
    assert expected in error.value.expected
    assert value.rpartition(",")[2][:2] in error.value.received


@pytest.mark.parametrize("override", [(), ("ranking.epochs=3",)])
@pytest.mark.parametrize("line", ["ranking = 3", 'data = "ratings.csv"', "epochs = 3", "retrieval = [1, 2]"])
def test_a_value_where_a_section_is_expected_is_refused(tmp_path, line, override):
    preset = tmp_path / "mine.toml"
    preset.write_text(line + "\n")
    name = line.split()[0]
    with pytest.raises(InputError) as error:
        load(str(preset), override, {"ratings": "r.csv"})
    assert f"`{name}`" in error.value.what
    assert f"[{name}]" in error.value.expected
    assert line.split(" = ")[1].replace('"', "'") in error.value.received
