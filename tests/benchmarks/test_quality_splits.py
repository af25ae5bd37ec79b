"""The benchmark's splits: rules on rows made by hand, and the real archive where it is at hand."""

import pandas as pd
import pytest

from benchmarks.quality import splits
from tests.datasets import movielens_folder

COLUMNS = ["user", "item", "rating", "timestamp"]


def pairs(rows):
    return list(zip(rows["user"], rows["item"], strict=True))


def test_the_last_two_rows_of_a_user_are_held_out_and_ties_are_broken_by_item():
    rows = [(1, 30, 3.0, 5), (1, 10, 3.0, 9), (2, 7, 3.0, 1), (1, 20, 3.0, 9), (2, 6, 3.0, 4), (2, 5, 3.0, 2)]
    parts = splits.leave_last(pd.DataFrame(rows, columns=COLUMNS))
    assert {part: pairs(frame) for part, frame in parts.items()} == {
        "test": [(1, 20), (2, 6)],
        "valid": [(1, 10), (2, 5)],
        "train": [(1, 30), (2, 7)],
    }


@pytest.mark.parametrize("name", splits.PROTOCOLS)
def test_parts_make_up_all_rows_and_repeat(name):
    rows = pd.DataFrame([(u, m, 3.0, u * m % 17) for u in range(1, 6) for m in range(1, 31)], columns=COLUMNS)
    parts = splits.PROTOCOLS[name](rows)
    assert sorted(pair for frame in parts.values() for pair in pairs(frame)) == sorted(pairs(rows))
    again = splits.PROTOCOLS[name](rows)
    assert all(parts[part].equals(again[part]) for part in splits.PARTS)
    sizes = {part: len(frame) for part, frame in parts.items()}
    expected = {
        "R1": {"train": 140, "valid": 5, "test": 5},
        "R3": {"train": 120, "valid": 15, "test": 15},  # 3 of each user's 30 rows
        "P2": {"train": 121, "valid": 14, "test": 15},  # 135 of 150, 121 of these
        "P3": {"train": 121, "valid": 14, "test": 15},
    }
    assert sizes == expected[name]


def test_later_rows_are_later():
    rows = pd.DataFrame([(u, m, 3.0, u * m % 17) for u in range(1, 6) for m in range(1, 31)], columns=COLUMNS)
    parts = splits.later_rows(rows)
    assert parts["train"]["timestamp"].max() <= parts["valid"]["timestamp"].min()
    assert parts["valid"]["timestamp"].max() <= parts["test"]["timestamp"].min()


def test_without_the_archive_the_message_says_where_to_get_it(tmp_path):
    with pytest.raises(SystemExit, match="what to do: download it"):
        splits.read_archive(tmp_path)
    (tmp_path / splits.ARCHIVE).write_bytes(b"half of it")
    with pytest.raises(SystemExit, match="another edition"):
        splits.read_archive(tmp_path)


def test_the_real_archive_gives_the_published_parts(tmp_path):
    splits.write_splits(movielens_folder(), tmp_path, ("R1", "P2"))
    sizes = [len(pd.read_csv(tmp_path / name / f"{part}.csv")) for name in ("R1", "P2") for part in splits.PARTS]
    assert sizes == [99_616, 610, 610, 81_676, 9_076, 10_084]
    assert (tmp_path / "movies.csv").read_text().startswith("movieId,title,genres")
    first = pd.read_csv(tmp_path / "P2" / "test.csv").iloc[0]
    assert (first["user"], first["item"], first["rating"]) == (438, 6934, 3.5)
