"""Folders of Examples: shards, and nothing half-written."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from components.ingestion.arrow_rows import item_batches
from components.ingestion.items import ItemRecords
from components.ingestion.writer import ExamplesFolder
from tests.datasets import read_rows


def batch(first: int, count: int):
    ids = [str(number).encode() for number in range(first, first + count)]
    (made,) = item_batches(ItemRecords(ids=ids, titles=ids, genres=[[] for _ in ids]), np.zeros(count, np.int64), ())
    return made


def write(folder: ExamplesFolder, split: str, batches, rows: int, rows_per_shard: int = 100) -> None:
    writer = folder.split(split, rows, rows_per_shard)
    for one in batches:
        writer.write(one)


def test_large_splits_are_several_files_with_rows_in_order(tmp_path):
    with ExamplesFolder(str(tmp_path)) as folder:
        write(folder, "all", [batch(0, 5), batch(5, 6)], 11, rows_per_shard=4)
    names = sorted(path.name for path in (tmp_path / "Split-all").iterdir())
    assert names == [f"data_tfrecord-{number:05d}-of-00003.gz" for number in range(3)]
    rows = read_rows(f"{tmp_path}/Split-all/*")
    assert [row["item_id"] for row in rows] == [[str(number).encode()] for number in range(11)]


def test_an_error_on_the_way_leaves_an_empty_folder(tmp_path):
    def batches():
        yield batch(0, 5)
        raise RuntimeError("disk full")

    with pytest.raises(RuntimeError, match="disk full"), ExamplesFolder(str(tmp_path)) as folder:
        write(folder, "train", [batch(0, 5)], 5)
        write(folder, "eval", batches(), 10)
    assert not list(tmp_path.iterdir())


def test_no_split_is_visible_before_all_are_written(tmp_path):
    with ExamplesFolder(str(tmp_path)) as folder:
        write(folder, "train", [batch(0, 5)], 5)
        assert not list(Path(tmp_path).glob("Split-*"))
    assert [path.name for path in Path(tmp_path).iterdir()] == ["Split-train"]


def test_a_split_of_no_rows_is_an_empty_file(tmp_path):
    with ExamplesFolder(str(tmp_path)) as folder:
        write(folder, "all", [], 0)
    assert read_rows(f"{tmp_path}/Split-all/*") == []
