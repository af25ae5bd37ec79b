"""Folders of Examples: shards, and nothing half-written."""

from __future__ import annotations

from pathlib import Path

import pytest

from components.ingestion.arrow_rows import movie_batch
from components.ingestion.writer import ExamplesFolder
from tests.datasets import read_rows


def batch(first: int, count: int):
    ids = [str(number).encode() for number in range(first, first + count)]
    return movie_batch(ids, ids, [[] for _ in ids])


def test_large_splits_are_several_files_with_rows_in_order(tmp_path):
    with ExamplesFolder(str(tmp_path)) as folder:
        folder.write("all", [batch(0, 5), batch(5, 6)], 11, what="movies", rows_per_shard=4)
    names = sorted(path.name for path in (tmp_path / "Split-all").iterdir())
    assert names == [f"data_tfrecord-{number:05d}-of-00003.gz" for number in range(3)]
    rows = read_rows(f"{tmp_path}/Split-all/*")
    assert [row["movie_id"] for row in rows] == [[str(number).encode()] for number in range(11)]


def test_an_error_on_the_way_leaves_an_empty_folder(tmp_path):
    def batches():
        yield batch(0, 5)
        raise RuntimeError("disk full")

    with pytest.raises(RuntimeError, match="disk full"), ExamplesFolder(str(tmp_path)) as folder:
        folder.write("train", [batch(0, 5)], 5, what="rows")
        folder.write("eval", batches(), 10, what="rows")
    assert not list(tmp_path.iterdir())


def test_no_split_is_visible_before_all_are_written(tmp_path):
    with ExamplesFolder(str(tmp_path)) as folder:
        folder.write("train", [batch(0, 5)], 5, what="rows")
        assert not list(Path(tmp_path).glob("Split-*"))
    assert [path.name for path in Path(tmp_path).iterdir()] == ["Split-train"]


def test_a_split_of_no_rows_is_an_empty_file(tmp_path):
    with ExamplesFolder(str(tmp_path)) as folder:
        folder.write("all", [], 0, what="rows")
    assert read_rows(f"{tmp_path}/Split-all/*") == []
