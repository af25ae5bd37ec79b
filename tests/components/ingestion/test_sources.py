"""What goes in comes out: CSV, Parquet, demo and real MovieLens; and what cannot go in says why."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from components.errors import InputError
from components.ingestion.blocks import BLOCK_ROWS
from components.ingestion.config import DataConfig
from components.ingestion.source import open_source
from tests import datasets
from tests.datasets import MOVIES_HEADER, RATINGS_HEADER, TINY_MOVIES, TINY_RATINGS, movielens_folder, write_csv


def files(ratings: Path | str, **options) -> DataConfig:
    return DataConfig(source="files", ratings=str(ratings), **options)


def rows_of(config: DataConfig, part: str = "train") -> list[tuple]:
    """Every row of a source as (user, movie, rating, timestamp), in order."""
    rows = []
    for block in open_source(config).blocks(part):
        users, movies = block.users, block.movies
        for position in range(len(block)):
            user, movie = users.values[users.codes[position]], movies.values[movies.codes[position]]
            rows.append((user, movie, float(block.ratings[position]), int(block.timestamps[position])))
    return rows


def expected(rows) -> list[tuple]:
    return [(user.encode(), movie.encode(), float(rating), int(time)) for user, movie, rating, time in rows]


def movies_of(config: DataConfig) -> list[tuple]:
    movies = open_source(config).movies()
    return list(zip(movies.ids, movies.titles, movies.genres, strict=True))


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    return datasets.write_tiny(tmp_path / "tiny")


def test_a_grouplens_folder_comes_back_row_by_row(tiny):
    assert rows_of(files(tiny)) == expected(TINY_RATINGS)


def test_the_catalogue_comes_back_with_genres_parted_and_the_placeholder_gone(tiny):
    movies = movies_of(files(tiny))
    assert movies[2] == (b"m3", b"Third, and Last (2003)", [b"Drama", b"War"])
    assert movies[3] == (b"m4", b"Fourth Wall (2004)", [])
    assert movies[5][1] == "Sixth Séance (2016)".encode()


def test_two_files_are_the_same_as_the_folder(tiny):
    two = files(tiny / "ratings.csv", movies=str(tiny / "movies.csv"))
    assert rows_of(two) == rows_of(files(tiny))
    assert movies_of(two) == movies_of(files(tiny))


def test_parquet_gives_the_same_rows_as_csv(tiny, tmp_path):
    ratings = pd.DataFrame(TINY_RATINGS, columns=RATINGS_HEADER).astype({"rating": float, "timestamp": int})
    ratings.to_parquet(tmp_path / "ratings.parquet")
    movies = pd.DataFrame(TINY_MOVIES, columns=MOVIES_HEADER)
    movies["genres"] = movies["genres"].str.split("|")
    movies.to_parquet(tmp_path / "movies.parquet")
    assert rows_of(files(tmp_path)) == rows_of(files(tiny))
    assert movies_of(files(tmp_path)) == movies_of(files(tiny))


def test_parquet_with_whole_number_ids_and_dates(tmp_path):
    times = pd.to_datetime(["2001-09-09 01:46:40", "1970-01-01 00:00:07"])
    frame = pd.DataFrame({"user": [7, 8], "item": [1, 2], "rating": [1, 5], "timestamp": times})
    frame.to_parquet(tmp_path / "ratings.parquet")
    assert rows_of(files(tmp_path / "ratings.parquet")) == [
        (b"7", b"1", 1.0, 1_000_000_000),
        (b"8", b"2", 5.0, 7),
    ]


def test_ids_come_back_byte_for_byte(tmp_path):
    odd = [" left", "right ", "a,b", 'say "hi"', "Zoë", "映画", "007", "7", "７", "tab\there", "::", "NA", "null"]
    rows = [(name, f"{name}-m", "3", "1") for name in odd]
    path = write_csv(tmp_path / "r.csv", RATINGS_HEADER, rows)
    assert rows_of(files(path)) == expected(rows)


def test_windows_line_ends_byte_order_mark_and_blank_lines_are_no_trouble(tmp_path):
    path = tmp_path / "r.csv"
    path.write_bytes("\ufeffuserId,movieId,rating,timestamp\r\nä,m1,4.0,5\r\n\r\nb,m2,3.5,6".encode())
    assert rows_of(files(path)) == [("ä".encode(), b"m1", 4.0, 5), (b"b", b"m2", 3.5, 6)]


@pytest.mark.parametrize("delimiter", ["\t", ";"])
def test_tabs_and_semicolons_part_fields_too(tmp_path, delimiter):
    path = write_csv(tmp_path / "r.csv", RATINGS_HEADER, TINY_RATINGS, delimiter=delimiter)
    assert rows_of(files(path)) == expected(TINY_RATINGS)


@pytest.mark.parametrize(
    "header",
    [
        ("user", "item", "rating", "timestamp"),
        ("user_id", "item_id", "Rating", "TIMESTAMP"),
        ("UserID", "movie_id", "stars", "time"),
    ],
)
def test_known_headers_need_no_mapping(tmp_path, header):
    assert rows_of(files(write_csv(tmp_path / "r.csv", header, TINY_RATINGS))) == expected(TINY_RATINGS)


def test_columns_may_be_mapped_reordered_and_more_than_needed(tmp_path):
    rows = [("x", "5", "9", "m1", "bob")]
    path = write_csv(tmp_path / "r.csv", ("shop", "note", "when", "product", "who"), rows)
    config = files(path, columns=("user=who", "item=product", "rating=note", "timestamp=when"))
    assert rows_of(config) == [(b"bob", b"m1", 5.0, 9)]


def test_a_mapping_for_the_ratings_leaves_the_catalogues_own_header_alone(tmp_path, tiny):
    path = write_csv(tmp_path / "r.csv", ("userId", "product"), [("bob", "m1")])
    config = files(path, movies=str(tiny / "movies.csv"), columns=("item=product",))
    assert movies_of(config) == movies_of(files(tiny))


def test_without_rating_and_time_every_rating_is_one_and_every_time_zero(tmp_path):
    config = files(write_csv(tmp_path / "r.csv", ("user", "item"), [("a", "b")]))
    facts = open_source(config).facts()
    assert rows_of(config) == [(b"a", b"b", 1.0, 0)]
    assert (facts.has_ratings, facts.has_timestamps) == (False, False)


def test_ratings_can_be_left_unread(tmp_path):
    path = write_csv(tmp_path / "r.csv", RATINGS_HEADER, [("a", "b", "click", "1")])
    config = files(path, has_ratings="false")
    assert rows_of(config) == [(b"a", b"b", 1.0, 1)]
    assert not open_source(config).facts().has_ratings


def test_without_a_catalogue_there_are_no_movies(tiny):
    assert open_source(files(tiny / "ratings.csv")).movies() is None


def test_files_larger_than_a_block_come_back_whole(tmp_path):
    count = 2 * BLOCK_ROWS + 7
    path = write_csv(tmp_path / "r.csv", RATINGS_HEADER, ((n % 11, n, "4", n) for n in range(count)))
    rows = rows_of(files(path))
    assert len(rows) == count
    assert rows[-1] == (str((count - 1) % 11).encode(), str(count - 1).encode(), 4.0, count - 1)


def test_three_files_are_three_parts(tmp_path):
    paths = [write_csv(tmp_path / f"{n}.csv", RATINGS_HEADER, [(f"u{n}", "m", n, 1)]) for n in (1, 2, 3)]
    config = files(paths[0], eval_ratings=str(paths[1]), test_ratings=str(paths[2]))
    assert open_source(config).facts().presplit
    assert [rows_of(config, part)[0][0] for part in ("train", "eval", "test")] == [b"u1", b"u2", b"u3"]


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


# What cannot go in: (header and rows as text, options, what the message must name)
BAD_RATINGS = {
    "text as rating": ("u,m1,good,1", {}, ["row 3", "not a number", "'good'"]),
    "NaN": ("u,m1,nan,1", {}, ["row 3", "not a number"]),
    "empty rating": ("u,m1,,1", {}, ["row 3", "not a number"]),
    "full-width digit": ("u,m1,４,1", {}, ["row 3", "not a number", "４"]),
    "rating above the range": ("u,m1,5.5,1", {}, ["row 3", "from 0.5 to 5", "5.5", "data.rating_max"]),
    "rating below the range": ("u,m1,0,1", {}, ["row 3", "from 0.5 to 5"]),
    "infinite rating": ("u,m1,1e99,1", {}, ["row 3", "outside the range"]),
    "own range": ("u,m1,2,1", {"rating_min": 3.0, "rating_max": 10.0}, ["row 3", "from 3 to 10"]),
    "bad time": ("u,m1,4,yesterday", {}, ["row 3", "timestamp", "yesterday"]),
    "fraction of a second": ("u,m1,4,1.5", {}, ["row 3", "timestamp"]),
    "full-width time": ("u,m1,4,１２", {}, ["row 3", "timestamp"]),
    "empty user": (",m1,4,1", {}, ["row 3", "empty user id"]),
    "empty movie": ("u,,4,1", {}, ["row 3", "empty item id"]),
    "too few fields": ("u,m1,4", {}, ["row 3", "number of fields", "4 (", "received: 3"]),
    "too many fields": ("u,m1,4,1,2", {}, ["row 3", "number of fields", "received: 5"]),
    "open quotation mark": ('u,"m1,4,1', {}, ["row 3", "quotation mark"]),
    "quotation mark inside": ('u,m"1"x,4,1', {}, ["row 3", "quotation mark"]),
}


@pytest.mark.parametrize("case", BAD_RATINGS)
def test_a_bad_row_is_named_with_file_and_row(tmp_path, case):
    bad, options, names = BAD_RATINGS[case]
    options = {"rating_min": 0.5, "rating_max": 5.0, **options}
    path = tmp_path / "ratings.csv"
    good = "4" if options["rating_max"] == 5.0 else "7"
    path.write_text(f"userId,movieId,rating,timestamp\nu,m0,{good},1\n{bad}\nu,m2,{good},1\n", encoding="utf-8")
    with pytest.raises(InputError) as caught:
        rows_of(files(path, **options))
    for name in ["ratings.csv", *names]:
        assert name in str(caught.value)


def test_a_bad_row_far_down_is_named_too(tmp_path):
    rows = [("u", str(n), "4", "1") for n in range(BLOCK_ROWS + 1_000)]
    rows[BLOCK_ROWS + 500] = ("u", "x", "four", "1")
    with pytest.raises(InputError, match=f"row {BLOCK_ROWS + 502}: the rating is not a number"):
        rows_of(files(write_csv(tmp_path / "r.csv", RATINGS_HEADER, rows)))


def test_text_that_is_not_utf8_is_named_with_its_row(tmp_path):
    path = tmp_path / "r.csv"
    path.write_bytes("userId,movieId,rating,timestamp\nu,m,4,1\nJosé,m,4,1\n".encode("latin-1"))
    with pytest.raises(InputError, match=r"row 3: not UTF-8[\s\S]*iconv"):
        rows_of(files(path))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("\n\n", "is empty"),
        ("userId,movieId,rating,timestamp\n", "no rows"),
        ("userId,movieId,rating,timestamp\n\n\n", "no rows"),
        ("name,film,rating\na,b,4\n", "no column for user and item"),
        ("1,31,2.5,1260759144\n1,32,2.5,1260759144\n", "no column for user and item"),
        ("userId,rating\na,4\n", "no column for item"),
    ],
)
def test_files_without_the_needed_are_refused(tmp_path, text, message):
    path = tmp_path / "r.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=message):
        rows_of(files(path))


def test_a_missing_column_lists_what_was_found_and_suggests_the_mapping(tmp_path):
    path = write_csv(tmp_path / "r.csv", ("name", "film", "rating"), [("a", "b", 4)])
    with pytest.raises(InputError) as caught:
        open_source(files(path))
    assert caught.value.received == "name, film, rating"
    assert "--columns" in caught.value.action


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
        open_source(files(tiny / "movies.csv", movies=str(tiny / "ratings.csv")))
    with pytest.raises(InputError, match="swapped"):
        open_source(files(tiny / "ratings.csv", movies=str(tiny / "ratings.csv")))


def test_missing_files_are_named(tmp_path, tiny):
    with pytest.raises(InputError, match=r"file not found: .*nowhere\.csv"):
        open_source(files(tmp_path / "nowhere.csv"))
    with pytest.raises(InputError, match="has no ratings file"):
        open_source(files(tmp_path))
    with pytest.raises(InputError, match="only one of the two held-out files"):
        open_source(files(tiny, eval_ratings=str(tiny / "ratings.csv")))


def test_an_archive_is_to_be_unpacked_first(tmp_path):
    (tmp_path / "ml.zip").write_bytes(b"PK")
    with pytest.raises(InputError, match="unpack"):
        open_source(files(tmp_path / "ml.zip"))


def test_ratings_that_are_asked_for_must_be_there(tmp_path):
    path = write_csv(tmp_path / "r.csv", ("user", "item"), [("a", "b")])
    with pytest.raises(InputError, match="no column for rating"):
        open_source(files(path, has_ratings="true"))


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("m1,One,Drama\n,Two,Drama\n", "row 3: empty item id"),
        ("m1,One,Drama\nm2,Two,Drama\nm1,Three,War\n", "row 4: the movie id 'm1' occurs twice[\\s\\S]*row 2"),
        ("m1,One,Drama\nm2,Two\n", "row 3: wrong number of fields"),
        ('m1,One,"Drama\nm2,Two,War\n', "row 2: not readable as CSV"),
        ('"m\n1",One,Drama\n', "row 2: line break in the item id"),
        ("", "no rows"),
    ],
)
def test_a_bad_catalogue_row_is_named(tiny, rows, message):
    (tiny / "movies.csv").write_text("movieId,title,genres\n" + rows, encoding="utf-8")
    with pytest.raises(InputError, match=message):
        movies_of(files(tiny))


def test_a_title_may_hold_commas_quotes_and_line_breaks(tiny):
    write_csv(tiny / "movies.csv", MOVIES_HEADER, [("m1", 'A "b",\nc', "Drama"), ("m2", "Two", "War")])
    assert [title for _, title, _ in movies_of(files(tiny))] == [b'A "b",\nc', b"Two"]


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("rating", np.nan, "row 2: the rating is not a number"),
        ("rating", 9.0, "row 2: the rating is outside"),
        ("user", None, "row 2: empty user id"),
        ("user", "a\nb", "row 2: line break in the user id"),
        ("item", "", "row 2: empty item id"),
    ],
)
def test_a_bad_parquet_row_is_named(tmp_path, column, value, message):
    frame = pd.DataFrame({"user": ["a", "b"], "item": ["x", "y"], "rating": [4.0, 4.0], "timestamp": [1, 2]})
    frame.loc[1, column] = value
    frame.to_parquet(tmp_path / "r.parquet")
    with pytest.raises(InputError, match=message):
        rows_of(files(tmp_path / "r.parquet"))


def test_a_damaged_parquet_file_is_named(tmp_path):
    frame = pd.DataFrame({"user": ["a"], "item": ["x"], "rating": [4.0], "timestamp": [1]})
    frame.to_parquet(tmp_path / "r.parquet")
    content = (tmp_path / "r.parquet").read_bytes()
    (tmp_path / "r.parquet").write_bytes(content[: len(content) // 2])
    with pytest.raises(InputError, match=r"r\.parquet cannot be read as Parquet"):
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
    by_id = {movie_id: (title, sorted(genres)) for movie_id, title, genres in movies_of(movielens)}
    assert len(by_id) == 9_742
    assert by_id == {movie_id: (title, sorted(genres)) for movie_id, title, genres in movies_of(own)}
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
    config = dataclasses.replace(movielens, data_dir=str(tmp_path))
    with pytest.raises(InputError, match="prepared in another file format"):
        open_source(config).movies()


def test_movielens_ratings_outside_an_own_range_are_refused(movielens):
    with pytest.raises(InputError, match=r"MovieLens latest-small, row \d+: the rating is outside"):
        rows_of(dataclasses.replace(movielens, rating_min=1.0))
