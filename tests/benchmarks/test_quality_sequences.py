"""The protocol on a file of sequences: how a line is parted, and what is refused."""

import pytest

from benchmarks.quality.sequences import next_item, read_sequences


def test_the_last_item_is_test_the_one_before_valid_and_the_order_is_that_of_the_line(tmp_path):
    path = tmp_path / "sequences.txt"
    path.write_text("1 30 10 20 40\n2 7 9 8\n")
    parts = {
        part: list(rows.itertuples(index=False, name=None)) for part, rows in next_item(read_sequences(path)).items()
    }
    assert parts["train"] == [("1", "30", 0), ("1", "10", 1), ("2", "7", 0)]
    assert parts["valid"] == [("1", "20", 2), ("2", "9", 1)]
    assert parts["test"] == [("1", "40", 3), ("2", "8", 2)]


@pytest.mark.parametrize("line", ["2 7 9", "2", ""])
def test_a_line_that_cannot_be_parted_is_named(tmp_path, line):
    path = tmp_path / "sequences.txt"
    path.write_text(f"1 30 10 20 40\n{line}\n")
    with pytest.raises(SystemExit, match=r"line 2 of .* cannot be parted"):
        read_sequences(path)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(SystemExit, match=r"there is no .*absent\.txt"):
        read_sequences(tmp_path / "absent.txt")
