import subprocess
import sys

import pytest

from components.errors import InputError
from components.ingestion.columns import parse_mapping
from pipelines.cli.run import configure
from pipelines.config import load
from tests.pipelines.commands import exit_code

LOADED = """
import sys
from pipelines.cli.main import main
try:
    main(sys.argv[1:])
except SystemExit:
    pass
print(" ".join(sorted({name.split(".")[0] for name in sys.modules})), file=sys.stderr)
"""


@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"], ["tune", "--help"], ["presets"], ["doctor"]])
def test_light_commands_load_no_heavy_library(arguments):
    done = subprocess.run([sys.executable, "-c", LOADED, *arguments], capture_output=True, text=True, check=True)
    loaded = set(done.stderr.split())
    assert "click" in loaded
    assert not loaded & {"tensorflow", "tfx", "apache_beam", "numpy", "pandas", "scann", "tf_keras"}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["run", "--outptu", "x"], "--output"),
        (["run", "--preset", "nope"], "there is no preset `nope`"),
        (["run", "--set", "retrieval.epoch=3"], "did you mean `epochs`?"),
        (["run", "--ratings", "nowhere.csv"], "there is no file or folder"),
        (["run", "--items", __file__], "--ratings beside them"),
        (["run", "--ratings", __file__, "--eval-ratings", __file__], "--eval-ratings alone"),
        (["run", "--manual-dir", "no/such"], "there is no file or folder"),
        (["run", "--output", __file__], "a file is in the way"),
        (["query", "--user", "1", "--model", "no/such"], "no such folder"),
        (["query", "--user", "1", "--model", __file__], "a file"),
        (["query", "--user", "1", "--n", "0"], "from 1 to 100"),
        (["query", "--user", "1", "--n", "101"], "from 1 to 100"),
        (["query", "--user", "1", "--n", "１０"], "plain digits"),
        (["query", "--model", "."], "says nothing about the person"),
        (["query", "--history", "1:five"], "1:five"),
        (["demo-data"], "--output"),
        (["frobnicate"], "frobnicate"),
    ],
)
def test_a_wrong_command_is_explained_in_a_few_lines(arguments, says, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert exit_code(*arguments) == 2
    captured = capsys.readouterr()
    assert says in captured.err
    assert "Traceback" not in captured.err
    assert "what to do" in captured.err
    assert captured.out == ""


def test_no_arguments_prints_help(capsys):
    assert exit_code() == 2
    assert "Commands:" in "".join(capsys.readouterr())


def test_own_data_replace_the_source_and_nothing_else(tmp_path):
    ratings = tmp_path / "ratings.csv"
    config = configure("movielens-1m", (), ratings=str(ratings), columns=("user=customer,item=product",))
    assert config.data.source == "files"
    assert config.data.ratings == str(ratings)
    assert parse_mapping(config.data.columns) == {"user": "customer", "item": "product"}
    assert config.retrieval == configure("movielens-1m").retrieval
    assert config.data.rating_min == configure("movielens-1m").data.rating_min


def test_events_are_weights_by_kind_of_interaction():
    config = configure("auto", ratings="a", events=("view=1, purchase = 4", "a=b=2.5"))
    assert config.data.events == {"view": 1.0, "purchase": 4.0, "a=b": 2.5}


@pytest.mark.parametrize("entry", ["purchase", "=4", "purchase=many"])
def test_an_event_without_a_weight_is_explained(entry):
    with pytest.raises(InputError, match="cannot use the event") as error:
        configure("auto", ratings="a", events=(entry,))
    assert error.value.received == entry


def test_three_files_are_presplit_data():
    files = {"ratings": "a", "eval_ratings": "b", "test_ratings": "c"}
    assert configure("auto", **files).split.kind == "presplit"
    assert configure("auto", ratings="a").split.kind == "auto"


def test_the_own_data_of_a_preset_may_be_completed(tmp_path):
    preset = tmp_path / "mine.toml"
    preset.write_text('[data]\nsource = "files"\nratings = "r.csv"\n')
    assert configure(str(preset), items="m.csv").data.items == "m.csv"
    with pytest.raises(InputError, match="own data"):
        configure("demo", items="m.csv")


def test_a_folder_without_the_archive_is_refused_at_once(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "archives").mkdir()
    (tmp_path / "archives" / "ml-1m.zip").write_bytes(b"")
    assert configure("movielens-1m", manual_dir="archives").data.dataset == "1m"
    with pytest.raises(InputError) as error:
        configure("movielens-100k", manual_dir="archives")
    assert error.value.expected == str(tmp_path / "archives" / "ml-100k.zip")
    assert "ml-1m.zip" in error.value.received
    assert configure("demo", manual_dir="archives").data.source == "demo"


def test_a_preset_that_is_shown_is_a_preset(capsys, tmp_path):
    assert exit_code("presets", "--show", "movielens-1m") == 0
    (tmp_path / "mine.toml").write_text(capsys.readouterr().out)
    assert load(str(tmp_path / "mine.toml")) == load("movielens-1m")
    assert load("movielens-1m") != load("demo")


def test_presets_are_listed_with_their_commands(capsys):
    assert exit_code("presets") == 0
    out = capsys.readouterr().out
    assert "recommender run --preset movielens-latest-small" in out
    assert "NOT RUN" in out


def test_demo_data_can_be_trained_on(tmp_path, capsys):
    assert exit_code("demo-data", "--output", str(tmp_path), "--users", "20", "--items", "30", "--ratings", "400") == 0
    assert (tmp_path / "ratings.csv").read_text().count("\n") > 200
    assert (tmp_path / "movies.csv").read_text().count("\n") == 31
    assert "recommender run --ratings" in capsys.readouterr().out


def test_stopping_a_pipe_early_is_no_error():
    done = subprocess.run(
        f"{sys.executable} -c 'from pipelines.cli.main import main; main()' presets | head -n 1",
        shell=True,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "auto\n"
    assert done.stderr == ""
