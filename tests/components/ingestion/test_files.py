"""What goes in comes out, whatever the file; and what cannot go in says why."""

from __future__ import annotations

import bz2
import dataclasses
import gzip
import json
import lzma
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.errors import InputError
from components.ingestion.config import DataConfig
from components.ingestion.faults import Fault
from components.ingestion.items import ItemRecords
from components.ingestion.opening import open_source
from components.ingestion.workspace import Workspace
from tests import datasets
from tests.components.ingestion.ingested import blocks, ingestion, notices, profile_of, rows_of
from tests.datasets import ITEMS_HEADER, RATINGS_HEADER, TINY_ITEMS, TINY_RATINGS, movielens_folder, write_csv

ROWS = [(f"u{user}", f"i{item}", f"{1 + item % 5}", str(100 * user + item)) for user in range(4) for item in range(6)]
"""Four users with six rows each, in the order in which they come back."""


def files(ratings: Path | str, **options) -> DataConfig:
    return DataConfig(source="files", ratings=str(ratings), **options)


def expected(rows) -> list[tuple]:
    return sorted(((u, i, float(r), int(t)) for u, i, r, t in rows), key=lambda row: (row[0].encode(), row[3]))


def items_of(config: DataConfig) -> ItemRecords | None:
    with Workspace(config.memory_limit) as workspace:
        return open_source(config).items(workspace)


def read_csv(tmp_path: Path, text: str | bytes, **options) -> list[tuple]:
    path = tmp_path / "r.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return rows_of(files(path, **options))


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    return datasets.write_tiny(tmp_path / "tiny")


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    return write_csv(tmp_path / "plain.csv", RATINGS_HEADER, ROWS)


def test_a_grouplens_folder_comes_back_row_by_row(tiny):
    assert rows_of(files(tiny)) == expected(TINY_RATINGS)


def test_the_catalogue_comes_back_with_genres_parted_and_the_placeholder_gone(tiny):
    items = items_of(files(tiny))
    assert (items.ids[2], items.titles[2], items.genres[2]) == (b"m3", b"Third, and Last (2003)", [b"Drama", b"War"])
    assert (items.ids[3], items.genres[3]) == (b"m4", [])
    assert items.titles[5] == "Sixth Séance (2016)".encode()


def test_parquet_gives_the_same_rows_as_csv(tiny, tmp_path):
    ratings = pd.DataFrame(TINY_RATINGS, columns=RATINGS_HEADER).astype({"rating": float, "timestamp": int})
    ratings.to_parquet(tmp_path / "ratings.parquet")
    items = pd.DataFrame(TINY_ITEMS, columns=ITEMS_HEADER)
    items["genres"] = items["genres"].str.split("|")
    items.to_parquet(tmp_path / "items.parquet")
    own = files(tmp_path / "ratings.parquet", items=str(tmp_path / "items.parquet"))
    assert rows_of(own) == rows_of(files(tiny))
    assert items_of(own) == items_of(files(tiny))


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_parquet_times_of_any_unit_are_seconds(tmp_path, unit):
    table = pa.table(
        {
            "user": ["a", "a", "a", "a"],
            "item": ["w", "x", "y", "z"],
            "rating": pa.array([1, 2, 3, 4], pa.int8()),
            "timestamp": pa.array([10, 20, 30, 40], pa.int64()).cast(pa.timestamp("s")).cast(pa.timestamp(unit)),
        }
    )
    pq.write_table(table, tmp_path / "r.parquet")
    assert [row[3] for row in rows_of(files(tmp_path / "r.parquet"))] == [10, 20, 30, 40]


def test_ids_come_back_byte_for_byte(tmp_path):
    odd = [
        " left",
        "right ",
        "a,b",
        'say "hi"',
        "Zoë",
        "映画",
        "007",
        "7",
        "７",
        "tab\there",
        "::",
        "NA",
        "null",
        "-0",
        "1e3",
    ]
    rows = [(name, f"{name}-{number}", str(1 + number), str(number)) for name in odd for number in range(3)]
    path = write_csv(tmp_path / "r.csv", RATINGS_HEADER, rows)
    assert rows_of(files(path)) == expected(rows)


def test_windows_line_ends_byte_order_mark_and_blank_lines_are_no_trouble(tmp_path):
    text = "\ufeffuserId,movieId,rating,timestamp\r\nä,m1,4.0,5\r\n\r\nä,m2,3.5,6\r\nä,m3,3.0,7\r\n"
    assert read_csv(tmp_path, text) == [("ä", "m1", 4.0, 5), ("ä", "m2", 3.5, 6), ("ä", "m3", 3.0, 7)]


@pytest.mark.parametrize("delimiter", ["\t", ";", "|"])
def test_other_delimiters_part_fields_too(tmp_path, delimiter):
    path = write_csv(tmp_path / "r.csv", RATINGS_HEADER, TINY_RATINGS, delimiter=delimiter)
    assert rows_of(files(path)) == expected(TINY_RATINGS)


@pytest.mark.parametrize(
    ("name", "pack"),
    [
        ("r.csv.gz", gzip.compress),
        ("r.csv", gzip.compress),  # called by another name
        ("r.csv.bz2", bz2.compress),
        ("r.csv.xz", lzma.compress),
        ("r.csv.zst", lambda content: pa.compress(content, "zstd", asbytes=True)),
    ],
)
def test_packed_files_are_unpacked(tmp_path, plain, name, pack):
    folder = tmp_path / "packed"
    folder.mkdir()
    (folder / name).write_bytes(pack(plain.read_bytes()))
    assert rows_of(files(folder / name)) == expected(ROWS)


def test_an_archive_of_one_file_is_unpacked_and_one_of_several_is_refused(tmp_path, plain):
    with zipfile.ZipFile(tmp_path / "r.zip", "w") as archive:
        archive.write(plain, "r.csv")
    assert rows_of(files(tmp_path / "r.zip")) == expected(ROWS)
    with zipfile.ZipFile(tmp_path / "r.zip", "a") as archive:
        archive.write(plain, "more.csv")
    with pytest.raises(InputError, match=r"archive of 2 files[\s\S]*unpack it first"):
        rows_of(files(tmp_path / "r.zip"))


def test_a_packed_file_that_is_cut_off_is_named(tmp_path, plain):
    (tmp_path / "r.csv.bz2").write_bytes(bz2.compress(plain.read_bytes())[:-20])
    with pytest.raises(InputError, match=r"r\.csv\.bz2 cannot be unpacked"):
        rows_of(files(tmp_path / "r.csv.bz2"))


def test_several_files_are_one_table_by_list_pattern_folder_and_partitions(tmp_path):
    for number in range(2):
        folder = tmp_path / "parts" / f"day=2024-01-0{number + 1}"
        folder.mkdir(parents=True)
        write_csv(folder / "part-0.csv", ("user", "item", "rating"), [row[:3] for row in ROWS[number::2]])
    (tmp_path / "parts" / "_SUCCESS").touch()
    (tmp_path / "parts" / ".hidden.csv").write_text("user,item\nno,no\n")
    days = tmp_path / "parts"
    wanted = sorted((user, item, float(rating)) for user, item, rating, _ in ROWS)
    for given in (days, days / "*" / "*.csv", f"{days}/day=2024-01-01/part-0.csv,{days}/day=2024-01-02/part-0.csv"):
        assert sorted(row[:3] for row in rows_of(files(given))) == wanted
    dated = rows_of(files(days, columns=("timestamp=day",)))  # a folder's name is a column
    assert {row[3] for row in dated} == {1_704_067_200, 1_704_153_600}


def test_files_whose_columns_stand_in_another_order_are_read_by_name(tmp_path):
    write_csv(tmp_path / "a.csv", ("user", "item", "rating", "timestamp"), ROWS[:12])
    write_csv(tmp_path / "b.csv", ("timestamp", "rating", "item", "user"), [row[::-1] for row in ROWS[12:]])
    assert rows_of(files(tmp_path / "*.csv")) == expected(ROWS)


def test_a_file_that_lacks_a_column_of_the_others_is_named(tmp_path):
    write_csv(tmp_path / "a.csv", ("user", "item", "rating"), [row[:3] for row in ROWS])
    write_csv(tmp_path / "b.csv", ("user", "item"), [row[:2] for row in ROWS])
    with pytest.raises(InputError, match=r"b\.csv has no column for rating, which .*a\.csv has"):
        rows_of(files(tmp_path / "*.csv"))


def test_files_of_several_kinds_are_refused(tmp_path, plain):
    pd.DataFrame(ROWS, columns=RATINGS_HEADER).to_parquet(tmp_path / "r.parquet")
    with pytest.raises(InputError, match="files of several kinds"):
        rows_of(files(f"{plain},{tmp_path / 'r.parquet'}"))


@pytest.mark.parametrize("content", [b"PK\x03\x04....", b"ORC....", b"Obj\x01....", b"ARROW1..", b"SQLite format 3\0"])
def test_kinds_that_are_not_read_are_named(tmp_path, content):
    path = tmp_path / "r.bin"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"r\.bin is an? [\s\S]*expected: CSV"):
        open_source(files(path))


@pytest.mark.parametrize(
    "header",
    [
        ("user", "item", "rating", "timestamp"),
        ("user_id", "item_id", "Rating", "TIMESTAMP"),
        ("UserID", "item_id", "stars", "time"),
        ("User ID", "Item-ID", "Score", "created_at"),
        ("user_id:token", "item_id:token", "rating:float", "timestamp:float"),
        ("CustomerID", "StockCode", "overall", "InvoiceDate"),
    ],
)
def test_known_headers_need_no_mapping(tmp_path, header):
    assert rows_of(files(write_csv(tmp_path / "r.csv", header, TINY_RATINGS))) == expected(TINY_RATINGS)


@pytest.mark.parametrize(
    "columns",
    [
        ("user=who", "item=product", "rating=note", "timestamp=when"),
        ("user=who,item=product,rating=note,timestamp=when",),
        ("user=who item=product rating=note timestamp=when",),
        ("user=5", "item=4", "rating=2", "timestamp=3"),
    ],
)
def test_columns_may_be_mapped_by_name_or_position_and_more_than_needed(tmp_path, columns):
    rows = [("x", rating, time, item, user) for user, item, rating, time in ROWS]
    path = write_csv(tmp_path / "r.csv", ("shop", "note", "when", "product", "who"), rows)
    assert rows_of(files(path, columns=columns)) == expected(ROWS)


def test_headerless_files_are_mapped_by_position(tmp_path):
    path = write_csv(tmp_path / "r.csv", ROWS[0], ROWS[1:])
    assert rows_of(files(path, columns=("user=1,item=2,rating=3,timestamp=4",))) == expected(ROWS)


def test_a_mapping_for_the_ratings_leaves_the_catalogues_own_header_alone(tmp_path, tiny):
    path = write_csv(tmp_path / "r.csv", ("userId", "product"), [("bob", "m1")])
    config = files(path, items=str(tiny / "movies.csv"), columns=("item=product",))
    assert items_of(config) == items_of(files(tiny))


def test_the_catalogue_has_a_mapping_of_its_own(tmp_path, tiny):
    path = write_csv(tmp_path / "items.csv", ("sku", "label", "item"), [("m1", "One", "x"), ("m2", "Two", "y")])
    config = files(tiny / "ratings.csv", items=str(path), item_columns=("item=sku,title=label",))
    assert items_of(config).titles == [b"One", b"Two"]


def test_what_was_taken_for_what_is_said(tmp_path):
    rows = [("u", "c", f"i{number}", "1", "2", "9") for number in range(3)]
    path = write_csv(tmp_path / "r.csv", ("user_id", "customer_id", "sku", "quantity", "price", "ts"), rows)
    with notices() as lines:
        rows_of(files(path))
    said = "\n".join(lines)
    assert "user = user_id, item = sku, timestamp = ts" in said
    assert "user_id was taken and customer_id was not" in said
    assert "not used: quantity, price; how often or how much can count: --columns weight=quantity" in said


def test_without_rating_and_time_every_rating_is_one_and_every_time_zero(tmp_path):
    config = files(write_csv(tmp_path / "r.csv", ("user", "item"), [("a", str(n)) for n in range(3)]))
    facts = open_source(config).facts()
    assert {row[2:] for row in rows_of(config)} == {(1.0, 0)}
    assert (facts.has_ratings, facts.has_timestamps) == (False, False)


def test_ratings_can_be_left_unread(tmp_path):
    rows = [("a", str(n), "click", "1") for n in range(3)]
    config = files(write_csv(tmp_path / "r.csv", RATINGS_HEADER, rows), has_ratings="false")
    assert {row[2] for row in rows_of(config)} == {1.0}
    assert not open_source(config).facts().has_ratings


def test_a_column_of_one_rating_says_nothing(tmp_path):
    config = files(write_csv(tmp_path / "r.csv", RATINGS_HEADER, [("a", str(n), "4", "1") for n in range(3)]))
    assert not open_source(config).facts().has_ratings
    assert open_source(dataclasses.replace(config, has_ratings="true")).facts().has_ratings


def test_a_part_of_one_rating_leaves_the_ratings_of_the_others_alone(tmp_path):
    rows = [("a", str(n), str(1 + n % 2), n) for n in range(4)]
    train = write_csv(tmp_path / "train.csv", RATINGS_HEADER, rows)
    held_out = write_csv(tmp_path / "held_out.csv", RATINGS_HEADER, rows[:1])
    config = files(train, eval_ratings=str(held_out), test_ratings=str(held_out))
    assert open_source(config).facts().has_ratings


def test_the_scale_is_found_and_thumbs_have_dislikes(tmp_path):
    path = write_csv(tmp_path / "r.csv", RATINGS_HEADER, [("a", str(n), ["0", "5", "10"][n], n) for n in range(3)])
    profile = profile_of(files(path))
    assert (profile["rating_scale"], profile["liked_from"]) == ([0.0, 5.0, 10.0], None)
    thumbs = write_csv(tmp_path / "t.csv", RATINGS_HEADER, [("a", str(n), ["-1", "1", "1"][n], n) for n in range(3)])
    assert profile_of(files(thumbs))["liked_from"] == 1.0
    assert profile_of(files(path, liked_from=5.0))["liked_from"] == 5.0
    with pytest.raises(InputError, match="every rating is a dislike"):
        profile_of(files(path, liked_from=10.5))


@pytest.mark.parametrize("words", [("true", "false"), ("True", "False"), (" TRUE ", "FALSE")])
def test_true_and_false_are_thumbs(tmp_path, words):
    rows = [("a", str(n), words[n % 2], n) for n in range(4)]
    thumbs = files(write_csv(tmp_path / "t.csv", RATINGS_HEADER, rows))
    assert [row[2] for row in rows_of(thumbs)] == [1.0, 0.0, 1.0, 0.0]
    assert profile_of(thumbs)["liked_from"] == 1.0
    mixed = write_csv(tmp_path / "m.csv", RATINGS_HEADER, [*rows, ("a", "9", "maybe", 9)])
    with pytest.raises(InputError, match="the rating is not a number: 'maybe'"):
        rows_of(files(mixed))


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
@pytest.mark.parametrize("parted", ["[{}]", " \n[\n{}\n]\n"])
def test_an_array_of_json_objects_gives_the_same_rows_as_lines(tmp_path, parted, pack):
    wanted = [("ä", "01", 4.5, 7), ("ä", "1", 3.0, 8), ("ä", "2", 4.0, 9)]
    objects = [json.dumps(dict(zip(("user", "item", "rating", "timestamp"), row, strict=True))) for row in wanted]
    array, lines = tmp_path / "array.json", tmp_path / "lines.json"
    array.write_bytes(pack(parted.format(",\n".join(objects)).encode()))
    lines.write_text("\n".join(objects))
    assert rows_of(files(array)) == rows_of(files(lines)) == wanted


@pytest.mark.parametrize(
    ("days", "clocks"),
    [
        (["2024-03-01", "2024-03-01", "2024-02-29"], ["09:30", "08:15:10", "23:59"]),
        (["31/03/2024", "01/03/2024", "01/03/2024"], ["9:30 PM", "8:15 AM", "12:00 AM"]),
        (["5-Mar-2024", "5-Mar-2024", "4-Mar-2024"], ["21:30", "", "1:00"]),
    ],
)
def test_a_date_and_a_time_of_day_are_one_moment(tmp_path, days, clocks):
    moments = {
        "2024-03-01": [1_709_285_400, 1_709_280_910, 1_709_251_140],
        "31/03/2024": [1_711_920_600, 1_709_280_900, 1_709_251_200],
        "5-Mar-2024": [1_709_674_200, 1_709_596_800, 1_709_514_000],
    }[days[0]]
    rows = "".join(f"u,{item},{day},{clock}\n" for item, day, clock in zip("abc", days, clocks, strict=True))
    with notices() as lines:
        found = read_csv(tmp_path, f"user,item,Date,Time\n{rows}")
    assert {row[1]: row[3] for row in found} == dict(zip("abc", moments, strict=True))
    assert any("timestamp = Date and Time" in line for line in lines)
    assert not any("was taken" in line for line in lines)


def test_a_column_called_time_beside_a_whole_moment_is_left_alone(tmp_path):
    found = read_csv(
        tmp_path, "user,item,timestamp,time\nu,a,1700000000,09:30\nu,b,1700000100,08:30\nu,c,1700000200,07:30\n"
    )
    assert [row[3] for row in found] == [1_700_000_000, 1_700_000_100, 1_700_000_200]


def test_kinds_of_interaction_weigh_and_others_are_left_out(tmp_path):
    rows = [("a", "x", "view", 1, 2), ("a", "y", "buy", 2, 3), ("a", "z", "ad", 3, 1), ("a", "w", "buy", 4, 0)]
    path = write_csv(
        tmp_path / "r.csv", ("user", "item", "event", "timestamp", "quantity"), [*rows, ("a", "v", "view", 5, 1)]
    )
    config = files(path, events={"view": 1.0, "buy": 4.0}, columns=("weight=quantity",))
    with notices() as lines, ingestion(config) as found:
        (block,) = blocks(found)
        assert dict(zip((found.items.ids[item] for item in block.items), block.weights.tolist(), strict=True)) == {
            b"x": 2.0,
            b"y": 12.0,
            b"v": 1.0,
        }
    assert "1 rows were left out: an event that [data.events] does not name" in lines
    assert "1 rows were left out: a weight of 0 or less (a return?)" in lines


def test_an_event_that_does_not_occur_is_a_mistake(tmp_path):
    path = write_csv(tmp_path / "r.csv", ("user", "item", "event"), [("a", "x", "view")])
    with pytest.raises(InputError, match=r"do not occur: purchase[\s\S]*view 1"):
        rows_of(files(path, events={"purchase": 4.0}))


def test_bad_rows_are_skipped_by_option_up_to_a_share(tmp_path):
    rows = [*ROWS, ("u1", "i9", "bad", "5"), ("", "i1", "4", "6")]
    path = write_csv(tmp_path / "r.csv", RATINGS_HEADER, rows)
    with pytest.raises(InputError, match="2 of 26 rows cannot be used"):
        rows_of(files(path))
    with notices() as lines:
        assert rows_of(files(path, bad_rows="skip")) == expected(ROWS)
    assert "1 bad rows were skipped: the rating is not a number" in lines
    with pytest.raises(InputError, match=r"more than data\.max_bad_share = 0\.01"):
        rows_of(files(path, bad_rows="skip", max_bad_share=0.01))


def test_skipped_rows_are_written_down_with_file_row_and_value(tmp_path):
    first = write_csv(tmp_path / "a.csv", RATINGS_HEADER, [*ROWS, ("u1", "i9", "bad", "5"), ("", "i1", "4", "6")])
    second = write_csv(tmp_path / "b.csv", RATINGS_HEADER, [("u2", "i3", "often", "7"), *ROWS])
    with Workspace("500MB") as workspace:
        skipped = open_source(files(tmp_path / "[ab].csv", bad_rows="skip")).load(workspace).skipped
    last = len(ROWS) + 2  # behind the header
    assert [(row.path, row.line, row.fault, row.value) for row in skipped] == [
        (str(first), last, Fault.BAD_RATING, "'bad'"),
        (str(first), last + 1, Fault.EMPTY_USER, "None"),
        (str(second), 2, Fault.BAD_RATING, "'often'"),
    ]


def test_one_row_a_basket_is_unfolded(tmp_path):
    table = pa.table({"user": ["a", "b"], "items": [["x", "y", "z"], ["x"]], "timestamp": [1, 2]})
    pq.write_table(table, tmp_path / "r.parquet")
    found = rows_of(files(tmp_path / "r.parquet", columns=("item=items",)))
    assert sorted(row[:2] for row in found) == [("a", "x"), ("a", "y"), ("a", "z"), ("b", "x")]


@pytest.mark.parametrize("kind", ["parquet", "jsonl"])
def test_one_row_a_user_with_lists_gives_the_same_rows_as_csv(tmp_path, plain, kind):
    frame = pd.DataFrame(ROWS, columns=RATINGS_HEADER).astype({"rating": float, "timestamp": int})
    lists = frame.groupby("userId", sort=False).agg(list).reset_index()
    path = tmp_path / f"prepared.{kind}"
    if kind == "parquet":
        lists.to_parquet(path)
    else:
        lists.to_json(path, orient="records", lines=True)
    assert rows_of(files(path)) == rows_of(files(plain)) == expected(ROWS)


def test_lists_of_a_user_must_be_as_long_as_each_other(tmp_path):
    lists = pd.DataFrame({"user": ["a"], "item": [["x", "y", "z"]], "rating": [[1.0, 2.0]]})
    lists.to_parquet(tmp_path / "prepared.parquet")
    with pytest.raises(InputError, match="rating is missing"):
        rows_of(files(tmp_path / "prepared.parquet"))


def test_many_rows_come_back_whole_in_blocks_of_whole_users(tmp_path, monkeypatch):
    from components.ingestion import interactions

    count = 100_007
    path = write_csv(tmp_path / "r.csv", RATINGS_HEADER, ((n % 11, n, 1 + n % 5, n) for n in range(count)))
    monkeypatch.setattr(interactions.sorted_blocks, "__defaults__", (20_000,))
    with ingestion(files(path)) as found:
        parts = list(blocks(found))
    assert len(parts) > 2
    assert sum(map(len, parts)) == count
    firsts = [part.first_user for part in parts]
    assert firsts == np.cumsum([0, *(part.user_count for part in parts[:-1])]).tolist()
    assert all((np.diff(part.timestamps)[np.diff(part.users) == 0] > 0).all() for part in parts)


def test_fingerprint_follows_contents_and_not_places(tiny, tmp_path):
    before = open_source(files(tiny)).fingerprint()
    copy = shutil.copytree(tiny, tmp_path / "copy")
    assert open_source(files(copy)).fingerprint() == before
    with (copy / "ratings.csv").open("a") as file:
        file.write("dan,m1,3.0,9\n")
    changed = open_source(files(copy)).fingerprint()
    assert changed != before
    with (copy / "movies.csv").open("a") as file:
        file.write("m8,Eighth,Drama\n")
    assert open_source(files(copy)).fingerprint() != changed


def test_demo_fingerprint_follows_its_arguments():
    prints = [
        open_source(config).fingerprint()
        for config in (DataConfig(), DataConfig(demo_seed=8), DataConfig(demo_users=9), DataConfig(demo_ratings=9))
    ]
    assert len(set(prints)) == 4
    assert open_source(DataConfig()).fingerprint() == prints[0]


# What cannot go in: (a row, options, what the message must name)
BAD_RATINGS = {
    "text as rating": ("u,m1,good,1", {}, ["row 3", "not a number", "'good'"]),
    "NaN": ("u,m1,nan,1", {}, ["row 3", "not a number"]),
    "empty rating": ("u,m1,,1", {}, ["row 3", "rating is missing"]),
    "full-width digit": ("u,m1,４,1", {}, ["row 3", "not a number", "４"]),
    "rating above the range": ("u,m1,5.5,1", {"rating_max": 5.0}, ["row 3", "outside the range", "5.5", "rating_max"]),
    "rating below the range": ("u,m1,0,1", {"rating_min": 0.5}, ["row 3", "outside the range"]),
    "infinite rating": ("u,m1,1e99,1", {}, ["row 3", "not a number"]),
    "bad time": ("u,m1,4,yesterday", {}, ["row 3", "timestamp", "yesterday"]),
    "full-width time": ("u,m1,4,１２", {}, ["row 3", "timestamp"]),
    "far future": ("u,m1,4,9999999999", {}, ["row 3", "1752 to 2100", "time_unit"]),
    "empty user": (",m1,4,1", {}, ["row 3", "empty user id"]),
    "empty item": ("u,,4,1", {}, ["row 3", "empty item id"]),
    "too many fields": ("u,m1,4,1,2", {}, ["row 3", "more fields"]),
    "line break": ('u,"m\n1",4,1', {}, ["row 3", "line break"]),
}


@pytest.mark.parametrize("case", BAD_RATINGS)
def test_a_bad_row_is_named_with_file_and_row(tmp_path, case):
    bad, options, names = BAD_RATINGS[case]
    good = "".join(f"u,g{number},{1 + number % 4},{number}\n" for number in range(20))
    text = f"userId,movieId,rating,timestamp\nu,m0,4,1\n{bad}\n{good}"
    with pytest.raises(InputError) as caught:
        read_csv(tmp_path, text, **options)
    for name in ["r.csv", *names]:
        assert name in str(caught.value)


def test_a_bad_row_far_down_is_named_behind_rows_of_several_lines(tmp_path):
    rows = [["u", str(number), "3", str(number), "plain"] for number in range(60_000)]
    rows[10][4] = "two\nlines"
    rows[50_000][2] = "four"
    rows[7][2] = "4"
    path = write_csv(tmp_path / "r.csv", (*RATINGS_HEADER, "review"), rows)
    with pytest.raises(InputError, match="row 50003: the rating is not a number: 'four'"):
        rows_of(files(path))


def test_text_that_is_not_utf8_is_named_with_its_row_and_read_by_its_encoding(tmp_path):
    text = "userId,movieId,rating,timestamp\nu,m,4,1\nJosé,m,3,1\nJosé,n,4,2\nJosé,o,5,3\n".encode("latin-1")
    with pytest.raises(InputError, match=r"row 3: not readable[\s\S]*iconv[\s\S]*data\.encoding=latin-1"):
        read_csv(tmp_path, text)
    assert read_csv(tmp_path, text, encoding="latin-1")[0] == ("José", "m", 3.0, 1)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("\n\n", "is empty"),
        ("userId,movieId,rating,timestamp\n", "no rows"),
        ("userId,movieId,rating,timestamp\n\n\n", "no rows"),
        ("name,film,rating\na,b,4\n", "no column for user and item"),
        ("1,31,2.5,1260759144\n1,32,2.5,1260759144\n", "has no header, so no column for user and item"),
        ("userId,rating\na,4\n", "no column for item"),
        ("\x00\x01\x02\x03" * 100, "not a text file"),
    ],
)
def test_files_without_the_needed_are_refused(tmp_path, text, message):
    with pytest.raises(InputError, match=message):
        read_csv(tmp_path, text)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (("user=nobody",), "no column `nobody`"),
        (("rating=points",), "no column `points`"),
        (("viewer=user",), "cannot use the column mapping"),
        (("user",), "cannot use the column mapping"),
        (("user=a", "user=b"), "cannot use the column mapping"),
    ],
)
def test_a_mapping_that_cannot_be_meant_is_refused(tiny, columns, message):
    with pytest.raises(InputError, match=message):
        open_source(files(tiny, columns=columns))


def test_swapped_files_are_recognised(tiny):
    with pytest.raises(InputError, match="swapped"):
        open_source(files(tiny / "movies.csv", items=str(tiny / "ratings.csv")))
    with pytest.raises(InputError, match="swapped"):
        open_source(files(tiny / "ratings.csv", items=str(tiny / "ratings.csv")))


def test_missing_files_are_named(tmp_path, tiny):
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"file not found: .*nowhere\.csv"):
        open_source(files(tmp_path / "nowhere.csv"))
    with pytest.raises(InputError, match="has no ratings file"):
        open_source(files(tmp_path / "empty"))
    with pytest.raises(InputError, match="only one of the two held-out files"):
        open_source(files(tiny, eval_ratings=str(tiny / "ratings.csv")))


def test_ratings_that_are_asked_for_must_be_there(tmp_path):
    path = write_csv(tmp_path / "r.csv", ("user", "item"), [("a", "b")])
    with pytest.raises(InputError, match="no column for rating"):
        open_source(files(path, has_ratings="true"))


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("m1,One,Drama\n,Two,Drama\n", "row 3: empty item id"),
        ("m1,One,Drama\nm2,Two,Drama\nm1,Three,War\n", "row 4: the item id 'm1' occurs twice[\\s\\S]*row 2"),
        ("m1,One,Drama\nm2,Two,War,more\n", "row 3: wrong number of fields"),
        ('"m\n1",One,Drama\n', "row 2: line break or NUL byte in the item id"),
        ("", "no rows"),
    ],
)
def test_a_bad_catalogue_row_is_named(tiny, rows, message):
    (tiny / "movies.csv").write_text("movieId,title,genres\n" + rows, encoding="utf-8")
    with pytest.raises(InputError, match=message):
        items_of(files(tiny))


def test_a_title_may_hold_commas_quotes_and_line_breaks_or_be_missing(tiny):
    rows = [("m1", 'A "b",\nc', "Drama"), ("m2", "", "War")]
    write_csv(tiny / "movies.csv", ITEMS_HEADER, rows)
    assert items_of(files(tiny)).titles == [b'A "b",\nc', b"m2"]


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("rating", np.nan, "row 2: the rating is missing"),
        ("user", None, "row 2: empty user id"),
        ("user", "a\nb", "row 2: line break or NUL byte in the user id"),
        ("item", "", "row 2: empty item id"),
    ],
)
def test_a_bad_parquet_row_is_named(tmp_path, column, value, message):
    frame = pd.DataFrame({"user": ["a", "b"], "item": ["x", "y"], "rating": [4.0, 3.0], "timestamp": [1, 2]})
    frame.loc[1, column] = value
    frame.to_parquet(tmp_path / "r.parquet")
    with pytest.raises(InputError, match=message):
        rows_of(files(tmp_path / "r.parquet", has_ratings="true"))


def test_a_parquet_column_that_cannot_be_an_id_is_named(tmp_path):
    pd.DataFrame({"user": [True, False], "item": ["x", "y"]}).to_parquet(tmp_path / "r.parquet")
    with pytest.raises(InputError, match=r"column user cannot be the user id[\s\S]*boolean"):
        rows_of(files(tmp_path / "r.parquet"))


def test_a_damaged_parquet_file_is_named(tmp_path):
    frame = pd.DataFrame({"user": ["a"], "item": ["x"], "rating": [4.0], "timestamp": [1]})
    frame.to_parquet(tmp_path / "r.parquet")
    content = (tmp_path / "r.parquet").read_bytes()
    (tmp_path / "r.parquet").write_bytes(content[: len(content) // 2])
    with pytest.raises(InputError, match=r"r\.parquet cannot be read"):
        rows_of(files(tmp_path / "r.parquet"))


@pytest.fixture(scope="module")
def movielens(tmp_path_factory) -> DataConfig:
    return DataConfig(
        source="movielens",
        data_dir=str(tmp_path_factory.mktemp("tfds")),
        manual_dir=str(movielens_folder()),
    )


def test_real_movielens_through_tfds_equals_its_own_csv_files(movielens, tmp_path):
    rows = rows_of(movielens)
    assert len(rows) == 100_836
    shutil.unpack_archive(movielens_folder() / "ml-latest-small.zip", tmp_path)
    own = files(tmp_path / "ml-latest-small")
    assert sorted(rows) == sorted(rows_of(own))
    mine, theirs = items_of(movielens), items_of(own)
    by_id = dict(zip(mine.ids, zip(mine.titles, map(sorted, mine.genres), strict=True), strict=True))
    assert len(by_id) == 9_742
    assert by_id == dict(zip(theirs.ids, zip(theirs.titles, map(sorted, theirs.genres), strict=True), strict=True))
    assert open_source(movielens).fingerprint() == open_source(movielens).fingerprint()


def test_a_damaged_movielens_archive_says_what_to_do(tmp_path):
    (tmp_path / "manual").mkdir()
    (tmp_path / "manual" / "ml-latest-small.zip").write_bytes(b"not a zip")
    config = DataConfig(source="movielens", data_dir=str(tmp_path / "tfds"), manual_dir=str(tmp_path / "manual"))
    with pytest.raises(InputError, match="cannot be prepared") as caught:
        open_source(config).fingerprint()
    assert "data.manual_dir" in caught.value.action


def test_movielens_prepared_in_another_file_format_is_refused(movielens, tmp_path):
    import tensorflow_datasets as tfds

    other = tfds.builder("movielens/latest-small-movies", data_dir=tmp_path, file_format="array_record")
    other.download_and_prepare(download_config=tfds.download.DownloadConfig(manual_dir=movielens.manual_dir))
    with pytest.raises(InputError, match="prepared in another file format"):
        items_of(dataclasses.replace(movielens, data_dir=str(tmp_path)))


def test_movielens_ratings_outside_an_own_range_are_refused(movielens):
    with pytest.raises(InputError, match=r"MovieLens latest-small: [\d,]+ ratings are outside"):
        rows_of(dataclasses.replace(movielens, rating_min=1.0))
