import pytest

from components.errors import InputError
from pipelines.config import load, preset_names


@pytest.mark.parametrize("name", [name for name in preset_names() if name != "own-data"])
def test_every_preset_is_valid(name):
    load(name)


def test_own_data_needs_data():
    with pytest.raises(InputError, match=r"data\.ratings"):
        load("own-data")
    assert load("own-data", data_options={"ratings": "r.csv"}).data.source == "files"


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
