import dataclasses

import pytest

from components.errors import InputError
from components.ingestion.config import DataConfig
from pipelines.config import PipelineConfig, load, preset_names
from pipelines.tuning.preset_file import check_output, preset_text, write_preset
from pipelines.tuning.study import with_values


@pytest.mark.parametrize("preset", preset_names())
@pytest.mark.parametrize("architecture", ["factorization_machine", "matrix_factorization", "dense"])
def test_a_written_preset_is_read_back_as_the_same_configuration(preset, architecture, tmp_path):
    data = {"ratings": "/some/where.csv"} if preset == "auto" else {}
    config = load(preset, [f"ranking.architecture={architecture}"], data)
    config = with_values(config, {"retrieval.half_lives": "0,2.5", "retrieval.l2": 3.21e-6, "ranking.layers": "8,4"})
    write_preset(tmp_path / "tuned.toml", config, ["what it is", "", "more"])
    assert load(str(tmp_path / "tuned.toml")) == config


def test_a_default_that_is_not_the_architecture_s_own_default_is_written():
    text = preset_text(load("demo", ["ranking.architecture=dense", "ranking.epochs=250"]))
    assert "epochs = 250" in text  # dense begins with 30, everything else with 250
    assert "patience" not in text


def test_text_of_any_kind_survives(tmp_path):
    data = DataConfig(source="files", ratings='/a "b"/ö\\ 🎬.csv', columns=("user=a b", "item=c"))
    config = dataclasses.replace(PipelineConfig(), data=data)
    write_preset(tmp_path / "tuned.toml", config)
    assert load(str(tmp_path / "tuned.toml")).data == data


def test_a_file_that_is_there_is_replaced_and_nothing_else_is_left(tmp_path):
    path = tmp_path / "tuned.toml"
    path.write_text("old")
    write_preset(path, load("demo"))
    assert [child.name for child in tmp_path.iterdir()] == ["tuned.toml"]
    assert load(str(path)) == load("demo")


def test_a_place_that_cannot_be_written_is_refused_before_the_search(tmp_path):
    with pytest.raises(InputError, match=r"ends in \.toml"):
        check_output(tmp_path / "tuned.json")
    (tmp_path / "folder.toml").mkdir()
    with pytest.raises(InputError, match="is a folder"):
        check_output(tmp_path / "folder.toml")
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="cannot be written"):
        check_output(tmp_path / "file" / "tuned.toml")
    check_output(tmp_path / "new" / "folder" / "tuned.toml")
