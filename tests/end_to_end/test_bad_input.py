"""What cannot be used is refused with a message to act on: what, expected, received, what to do, which row."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from pipelines.local_run.run_folder import RunFolder
from tests.datasets import ITEMS_HEADER, TINY_ITEMS, write_csv, write_tiny
from tests.end_to_end.command import assert_explained, recommender, run, versions

# Text of ratings.csv, and what the message must name.
BAD_FILES = {
    "no such columns": ("name,film,stars\na,b,4\n", ["user", "item", "name, film, stars", "--columns"]),
    "no rows": ("userId,movieId,rating,timestamp\n", ["no rows"]),
    "nothing at all": ("", ["is empty"]),
    "text as rating": ("userId,movieId,rating,timestamp\na,m1,4,1\na,m2,good,2\n", ["row 3", "not a number", "good"]),
    "infinite rating": ("userId,movieId,rating,timestamp\na,m1,4,1\na,m2,inf,2\n", ["row 3", "not a number", "inf"]),
    "full-width digit": ("userId,movieId,rating,timestamp\na,m1,4,1\na,m2,４,2\n", ["row 3", "not a number", "４"]),
    "empty id": ("userId,movieId,rating,timestamp\na,m1,4,1\n,m2,4,2\n", ["row 3", "empty user id"]),
    "a field too few": ("userId,movieId,rating,timestamp\na,m1,4,1\na,m2,4\n", ["row 3", "timestamp is missing"]),
}


@pytest.mark.parametrize("case", BAD_FILES)
def test_ratings_that_cannot_be_used(tmp_path, case):
    text, names = BAD_FILES[case]
    (tmp_path / "ratings.csv").write_text(text, encoding="utf-8")
    write_csv(tmp_path / "movies.csv", ITEMS_HEADER, TINY_ITEMS)
    ended = run(tmp_path / "run", "--ratings", tmp_path)
    assert_explained(ended.done, 2)
    for name in ["ratings.csv", *names]:
        assert name in ended.done.err
    assert ended.summary["status"] == "failed"
    assert ended.summary["failure"]["error_log"] is None  # the message says everything
    assert versions(ended.folder) == []


def test_a_catalogue_with_one_id_twice(tmp_path):
    write_tiny(tmp_path)
    write_csv(tmp_path / "movies.csv", ITEMS_HEADER, [*TINY_ITEMS, TINY_ITEMS[2]])
    ended = run(tmp_path / "run", "--ratings", tmp_path)
    assert_explained(ended.done, 2)
    for name in ("movies.csv", "row 9", "row 4", "'m3'"):
        assert name in ended.done.err


@pytest.mark.parametrize("content", [b"", b"this is no archive", None], ids=["empty", "text", "cut off"])
def test_a_corrupt_archive(tmp_path, content):
    archive = tmp_path / "ml-latest-small.zip"
    if content is None:
        shutil.make_archive(str(archive.with_suffix("")), "zip", write_tiny(tmp_path / "tiny"))
        archive.write_bytes(archive.read_bytes()[:-30])
    else:
        archive.write_bytes(content)
    places = ("--manual-dir", tmp_path, "--data-dir", tmp_path / "data")
    ended = run(tmp_path / "run", "--preset", "movielens-latest-small", *places)
    assert_explained(ended.done, 2)
    assert "ml-latest-small.zip" in ended.done.err


def test_a_folder_without_the_archive(tmp_path):
    places = ("--manual-dir", tmp_path, "--data-dir", tmp_path / "data", "--output", tmp_path / "run")
    done = recommender("run", "--preset", "movielens-latest-small", *places)
    assert_explained(done, 2)
    assert "ml-latest-small.zip" in done.err


@pytest.mark.parametrize("output", ["file", "file/below", "/proc/x", "/dev/null/x"])
def test_an_output_folder_that_cannot_be_written(tmp_path, output):
    (tmp_path / "file").write_text("in the way")
    done = recommender("run", "--preset", "demo", "--output", Path(tmp_path, output))
    assert_explained(done, 2)
    assert "--output" in done.err
    assert (tmp_path / "file").read_text() == "in the way"


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ("retrieval.epoch=3", "did you mean `epochs`?"),
        ("retreival.epochs=3", "did you mean `retrieval`?"),
        ("retrieval.epochs=１２", "only look like a number"),
        ("retrieval.learning_rate=０.１", "only look like a number"),
        ("retrieval.epochs=many", "a whole number"),
        ("retrieval.epochs=0", "1 or more"),
        ("retrieval.epochs", "section.key=value"),
        ("split.kind=by_moon", "leave_last"),
    ],
)
def test_a_setting_that_cannot_be_meant(tmp_path, setting, says):
    done = recommender("run", "--preset", "demo", "--set", setting, "--output", tmp_path / "run")
    assert done.code == 2, done.text
    assert says in done.err
    assert setting.split(".")[0] in done.err
    assert "Traceback" not in done.text
    assert not (tmp_path / "run").exists()


def test_an_output_folder_with_another_runs_broken_record(tmp_path):
    write_tiny(tmp_path)
    folder = RunFolder(tmp_path / "run")
    folder.path.mkdir()
    folder.metadata.write_text("not a database")
    ended = run(folder.path, "--ratings", tmp_path)
    assert_explained(ended.done, 2)
    assert "metadata.sqlite" in ended.done.err
