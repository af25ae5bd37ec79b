"""Whom to score: text, CSV and Parquet; what cannot be scored is told with its row and reason."""

from __future__ import annotations

import bz2
import gzip
import lzma

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.batch_scoring import user_files
from components.batch_scoring.reading import read_piece
from components.batch_scoring.user_files import find_users, place
from components.errors import InputError

PEOPLE = pa.schema(
    [
        ("customer_id", pa.int64()),
        ("history_item_ids", pa.list_(pa.int32())),
        ("history_ratings", pa.list_(pa.float64())),
    ]
)


def read(path, model="no model"):
    """Ids, and `row: reason` of the rejected."""
    users = find_users(str(path), model)
    records = [records for piece in users.pieces for records in read_piece(piece)]
    batches = [one.users for one in records]
    table = pa.Table.from_batches(batches)
    rejected = {
        place(bad.position, users.paths).rsplit("row ", 1)[1]: bad.reason for one in records for bad in one.rejected
    }
    return table, rejected


def ids(table):
    return [value.decode() for value in table["user_id"].to_pylist()]


def test_a_text_file_has_an_id_a_line_byte_for_byte(tmp_path):
    (tmp_path / "users.txt").write_bytes("Zoë\r\n\r\n 7 \r\na,b\n\xff\n".encode("utf-8", "replace") + b"bad\xff\nlast")
    table, rejected = read(tmp_path / "users.txt")
    assert ids(table) == ["Zoë", " 7 ", "a,b", "ÿ", "last"]
    assert rejected == {"6": "the user id is not UTF-8 text"}
    assert [place(p, ["users.txt"]) for p in table["position"].to_pylist()] == [
        f"users.txt, row {row}" for row in (1, 3, 4, 5, 7)
    ]


@pytest.mark.parametrize(("packed", "module"), [(".gz", gzip), (".bz2", bz2), (".xz", lzma)])
def test_packed_lines_are_read_as_they_are(tmp_path, monkeypatch, packed, module):
    monkeypatch.setattr(user_files, "CHUNK", 8)
    monkeypatch.setattr(user_files, "PIECE_BYTES", 8)  # a plain file of this length is cut
    (tmp_path / f"users.csv{packed}").write_bytes(module.compress(b"user_id,history_item_ids\na,m1|m2\nb,\nc,m3\n"))
    assert len(find_users(str(tmp_path), "no model").pieces) == 1
    table, rejected = read(tmp_path)
    assert ids(table) == ["a", "b", "c"]
    assert table["history_item_ids"].to_pylist() == [[b"m1", b"m2"], [], [b"m3"]]
    assert not rejected


def test_a_packed_file_that_is_cut_off_is_said_to_be_damaged(tmp_path):
    content = gzip.compress(b"user_id\n" + b"".join(b"%d\n" % (number**3) for number in range(10_000)))
    (tmp_path / "users.csv.gz").write_bytes(content[: len(content) // 2])
    with pytest.raises(InputError, match=r"users\.csv\.gz cannot be read"):
        read(tmp_path / "users.csv.gz")


def test_rows_of_a_csv_that_cannot_be_scored_are_named(tmp_path):
    rows = [
        b"user_id;history_item_ids;history_ratings",
        b"a;m1|m2;5|4",
        b"b;m1",  # row 3: a field too few
        b";m1;5",  # row 4
        b"c;m1|m2;5",  # row 5
        b"",  # row 6: nothing
        b"d;m1|m2;5|good",  # row 7
        b'"e ""the"" one";;',
        b"f;m1;-1",  # row 9
        b"g\xff;;",  # row 10
        b"h;m1;nan",  # row 11
    ]
    (tmp_path / "users.csv").write_bytes(b"\n".join(rows))
    table, rejected = read(tmp_path / "users.csv")
    assert ids(table) == ["a", 'e "the" one']
    assert table["history_item_ids"].to_pylist()[0] == [b"m1", b"m2"]
    assert table["history_ratings"].to_pylist()[0] == [5, 4]
    assert set(rejected) == {"3", "4", "5", "6", "7", "9", "10", "11"}
    for row, word in {
        "3": "2 fields",
        "4": "empty",
        "5": "1 ratings for a history of 2",
        "7": "good",
        "9": "negative",
    }.items():
        assert word in rejected[row]


def test_a_quotation_mark_that_is_not_closed_is_told_with_its_row(tmp_path):
    (tmp_path / "users.csv").write_text('user_id,town\na,"Ulm"\n"b,Bonn\nc,Kiel\n')
    table, rejected = read(tmp_path / "users.csv")
    assert ids(table) == ["a"]
    assert set(rejected) == {"3"}
    (tmp_path / "users.csv").write_text('user_id\na\n"b\nc\n')
    table, rejected = read(tmp_path / "users.csv")
    assert ids(table) == ["a"]
    assert "quotation mark" in rejected["3"]


@pytest.mark.parametrize("kind", ["users.csv", "users.txt"])
@pytest.mark.parametrize("end", ["\n", ""])
def test_a_large_file_of_lines_is_cut_for_several_workers_and_rows_keep_their_numbers(tmp_path, monkeypatch, kind, end):
    csv = kind == "users.csv"
    lines = [f"u{row},m{row}|m1" if csv else f"u{row}" for row in range(2, 400)]
    lines[100], lines[333] = ("u102", ",m1") if csv else ("", "u\ud800")  # rows 102 and 335
    content = ("\n".join(["user_id,history_item_ids" if csv else "u1", *lines]) + end).encode("utf-8", "surrogatepass")
    (tmp_path / kind).write_bytes(content)
    whole, rejected = read(tmp_path / kind)
    monkeypatch.setattr("components.batch_scoring.user_files.CHUNK", 256)
    monkeypatch.setattr("components.batch_scoring.user_files.PIECE_BYTES", 700)
    users = find_users(str(tmp_path / kind), "no model")
    assert len(users.pieces) > 2
    assert users.rows == 398 + (not csv)
    table, in_pieces = read(tmp_path / kind)
    assert table == whole
    assert in_pieces == rejected
    assert set(rejected) == ({"102", "335"} if csv else {"335"})


def test_a_csv_with_quotation_marks_stays_whole_for_a_field_may_hold_line_breaks(tmp_path, monkeypatch):
    rows = "".join(f'u{row},"a\nb"\n' for row in range(200))
    (tmp_path / "users.csv").write_text(f"user_id,note\n{rows}")
    monkeypatch.setattr("components.batch_scoring.user_files.CHUNK", 256)
    monkeypatch.setattr("components.batch_scoring.user_files.PIECE_BYTES", 700)
    assert len(find_users(str(tmp_path / "users.csv"), "no model").pieces) == 1
    assert ids(read(tmp_path / "users.csv")[0]) == [f"u{row}" for row in range(200)]


def test_parquet_takes_whole_numbers_and_lists(tmp_path):
    people = pa.table(
        [[1, 2, None, 4], [[10, 20], None, [1], []], [[5.0, None], None, [1.0, 2.0], None]], schema=PEOPLE
    )
    pq.write_table(people, tmp_path / "people.parquet", row_group_size=2)
    table, rejected = read(tmp_path / "people.parquet")
    assert ids(table) == ["1", "2", "4"]
    assert table["history_item_ids"].to_pylist() == [[b"10", b"20"], [], []]
    assert table["history_ratings"].to_pylist() == [[5, 0], [], []]
    assert rejected == {"3": "empty user id"}


def test_a_history_beyond_reason_is_rejected(tmp_path):
    pq.write_table(pa.table([[1, 2], [[1] * 10_001, [1]], [None, None]], schema=PEOPLE), tmp_path / "long.parquet")
    table, rejected = read(tmp_path / "long.parquet")
    assert ids(table) == ["2"]
    assert "10,001 items" in rejected["1"]


def test_all_users_of_a_bundle_come_with_the_length_of_what_is_known(bundle):
    users = find_users("all", str(bundle.path))
    (records,) = [records for piece in users.pieces for records in read_piece(piece)]
    assert users.rows == records.users.num_rows == 300
    assert users.exact
    assert records.users.column(2).to_pylist() == [len(bundle.user_history(f"u{user}")) for user in range(300)]


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("users.xlsx", b"x", "no file of users"),
        ("users.csv", b"name,town\na,b\n", "no column for the user"),
        ("users.csv", b"", "an empty line"),
        ("users.csv", b"user_id\n", "no user to score"),
        ("users.txt", b"", "no user to score"),
        ("users.parquet", b"PAR1 and so on", "cannot be read"),
    ],
)
def test_an_input_that_cannot_be_used_is_refused_before_anything_starts(tmp_path, name, content, says):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=says):
        find_users(str(tmp_path / name), "no model")


def test_a_column_of_broken_numbers_is_refused(tmp_path):
    pq.write_table(pa.table({"user_id": [1.0, None]}), tmp_path / "users.parquet")
    with pytest.raises(InputError, match="double"):
        find_users(str(tmp_path / "users.parquet"), "no model")


def test_a_bundle_without_a_list_of_users_says_so(tmp_path):
    with pytest.raises(InputError, match="does not list its users"):
        find_users("all", str(tmp_path))
