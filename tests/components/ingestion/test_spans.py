"""Spans are read up to the one that is named, each file once; late, changed and missing ones are told in words."""

from __future__ import annotations

import dataclasses

import pytest

from components.errors import InputError
from components.ingestion import loading
from components.ingestion.config import DataConfig
from components.ingestion.opening import open_source
from components.ingestion.reading.spans import Span, span_of
from tests.components.ingestion.ingested import notices, rows_of

HEADER = "user,item,event,timestamp,rating,id,request_id\n"


def day_file(folder, day, users=range(4), items=range(3)):
    """A day of events: every user with every item, at a time that tells the day."""
    path = folder / f"2026-11-{day:02d}.csv"
    rows = [
        f"u{user},m{day}{item},view,{86_400 * day + 60 * item},,e{user}-{item},r" for user in users for item in items
    ]
    path.write_text(HEADER + "\n".join(rows) + "\n")
    return path


def config(folder, span, **options):
    return DataConfig(
        source="files", ratings=f"{folder}/{{YYYY}}-{{MM}}-{{DD}}.csv", span=span, has_ratings="false", **options
    )


def days(found):
    return sorted({row[3] // 86_400 for row in found})


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "events"
    folder.mkdir()
    for day in (1, 2, 4):
        day_file(folder, day)
    return folder


@pytest.fixture
def reads(monkeypatch):
    """The files that were parsed, and not answered from what was kept."""
    read, load = [], loading.load

    def noting(connection, table, *arguments):
        read.append(table.path.rpartition("/")[2])
        return load(connection, table, *arguments)

    monkeypatch.setattr(loading, "load", noting)
    return read


def test_a_run_reads_all_up_to_the_span_that_it_names(folder):
    assert days(rows_of(config(folder, "2026-11-02"))) == [1, 2]
    assert days(rows_of(config(folder, "2026-11-04"))) == [1, 2, 4]
    assert days(rows_of(config(folder, "2026-11-04", spans=3))) == [2, 4]


def test_exported_events_without_any_rating_are_interactions_without_ratings(folder):
    """The column is there, for somebody might give stars, and says nothing."""
    with notices() as said:
        found = rows_of(dataclasses.replace(config(folder, "2026-11-02"), has_ratings="auto"))
    assert {row[2] for row in found} == {1.0} and len(found) == 24
    assert "the column rating is empty: read as interactions without ratings" in said


def test_numbers_folders_and_several_files(tmp_path):
    for span, name in ((2, "a"), (10, "a"), (10, "b"), (11, "a")):
        path = tmp_path / f"span-{span}" / f"{name}.csv"
        path.parent.mkdir(exist_ok=True)
        rows = [f"u{user},m{item}{name},{86_400 * span + item}" for user in range(4) for item in range(3)]
        path.write_text("user,item,timestamp\n" + "\n".join(rows) + "\n")
    base = DataConfig(source="files", ratings=f"{tmp_path}/span-{{SPAN}}", span="10")
    assert days(rows_of(base)) == [2, 10]
    assert len(rows_of(base)) == 3 * 12
    one = DataConfig(source="files", ratings=f"{tmp_path}/span-{{SPAN}}/a.*", span="11")
    assert days(rows_of(one)) == [2, 10, 11]


def test_a_file_of_all_that_was_before_beside_the_spans(folder, tmp_path):
    history = tmp_path / "history.csv"
    history.write_text("userId,movieId,timestamp\n" + "\n".join(f"u{u},old{i},{i}" for u in range(4) for i in range(3)))
    both = DataConfig(
        source="files", ratings=f"{history},{folder}/{{YYYY}}-{{MM}}-{{DD}}.csv", span="2026-11-01", has_ratings="false"
    )
    assert days(rows_of(both)) == [0, 1]


def test_files_that_were_read_are_not_read_again(folder, tmp_path, reads):
    kept = str(tmp_path / "kept")
    first = rows_of(config(folder, "2026-11-02", kept_rows=kept))
    assert reads == ["2026-11-01.csv", "2026-11-02.csv"]
    reads.clear()

    with notices() as said:
        second = rows_of(config(folder, "2026-11-04", kept_rows=kept))

    assert reads == ["2026-11-04.csv"]
    assert second == rows_of(config(folder, "2026-11-04"))
    assert set(first) < set(second)
    assert "2 of 3 files were read by an earlier run" in said
    assert "spans that are missing between the first and the last: 2026-11-03" in said


def test_late_changed_and_removed_spans_are_told(folder, tmp_path, reads):
    kept = str(tmp_path / "kept")
    rows_of(config(folder, "2026-11-04", kept_rows=kept))
    reads.clear()
    day_file(folder, 3)
    day_file(folder, 2, items=range(5))
    (folder / "2026-11-01.csv").unlink()

    with notices() as said:
        found = rows_of(config(folder, "2026-11-04", kept_rows=kept))

    assert reads == ["2026-11-02.csv", "2026-11-03.csv"]
    assert found == rows_of(config(folder, "2026-11-04"))
    assert "spans that came late are read now: 2026-11-03" in said
    assert "spans that have changed since they were read are read anew: 2026-11-02" in said
    assert "spans that an earlier run has read are not among those of this run: 2026-11-01" in said


def test_another_way_to_read_is_another_thing_to_keep(folder, tmp_path, reads):
    kept = str(tmp_path / "kept")
    rows_of(config(folder, "2026-11-01", kept_rows=kept))
    rows_of(config(folder, "2026-11-01", kept_rows=kept, events={"view": 2.0}))
    assert reads == ["2026-11-01.csv"] * 2
    assert len(list((tmp_path / "kept").glob("*.parquet"))) == 1  # what no file needs any more is dropped


def test_faults_of_kept_files_are_told_each_time(folder, tmp_path):
    path = day_file(folder, 5)
    path.write_text(path.read_text() + "u9,,view,432000,,x,r\n")
    kept = str(tmp_path / "kept")
    for _ in range(2):
        with pytest.raises(InputError, match=r"2026-11-05\.csv.*14"):
            rows_of(config(folder, "2026-11-05", kept_rows=kept))


@pytest.mark.parametrize(
    ("span", "words"),
    [
        ("", "does not say which one is the newest"),
        ("2026-11-03", "there is no span 2026-11-03"),
        ("yesterday", "a day such as 2026-11-28"),
        ("7", "a day such as 2026-11-28"),
    ],
)
def test_spans_that_cannot_be_read(folder, span, words):
    with pytest.raises(InputError, match=words):
        open_source(config(folder, span))


def test_a_span_without_a_pattern_and_a_pattern_without_a_month():
    with pytest.raises(InputError, match="a pattern of spans"):
        DataConfig(source="files", ratings="events.csv", span="3")
    with pytest.raises(InputError, match="cannot be put in order"):
        open_source(DataConfig(source="files", ratings="/x/{YYYY}-{DD}.csv", span="3"))


@pytest.mark.parametrize(
    ("pattern", "path", "name"),
    [
        ("/d/{YYYY}/{MM}/{DD}/x.csv", "/d/2026/11/28/x.csv", "2026-11-28"),
        ("/d/{YYYY}{MM}{DD}", "/d/20261128", "2026-11-28"),
        ("/d/{YYYY}-{MM}-{DD}.csv", "/d/2026-02-31.csv", None),
        ("/d/span-{SPAN:3}-*.csv", "/d/span-007-b.csv", "7"),
        ("/d/span-{SPAN}.csv", "/d/span-x.csv", None),
    ],
)
def test_names_of_spans(pattern, path, name):
    found = span_of(pattern, path)
    assert (None if found is None else found.name) == name
    if name == "2026-11-28":
        assert found == Span(739_948, "")


def crowded(folder, day, rows, item="m0"):
    """A day on which one item has so many rows, and 120 rows are of others."""
    path = folder / f"2026-11-{day:02d}.csv"
    lines = [f"u{n % 40},x{n % 30},view,{86_400 * day + n},,o{day}-{n},r" for n in range(120)]
    lines += [f"u{n % 40},{item},view,{86_400 * day + 200 + n},,c{day}-{n},r" for n in range(rows)]
    path.write_text(HEADER + "\n".join(lines) + "\n")


def test_a_span_that_is_unlike_all_before_is_refused_in_words(tmp_path):
    """m0 has none of the rows before and 60 of 180 rows of the newest day, a third; of 150 rows 30 are a fifth."""
    crowded(tmp_path, 1, 0)
    crowded(tmp_path, 2, 30)
    assert days(rows_of(config(tmp_path, "2026-11-02"))) == [1, 2]
    crowded(tmp_path, 2, 60)
    with pytest.raises(InputError, match=r"2026-11-02 is unlike all before: item m0 has 33% of its rows"):
        rows_of(config(tmp_path, "2026-11-02"))
    assert days(rows_of(config(tmp_path, "2026-11-02", max_span_drift=1.0))) == [1, 2]


def test_a_span_far_larger_than_all_before_is_refused_in_words(tmp_path):
    for day in (1, 2, 3):
        crowded(tmp_path, day, 0)  # 120 rows
    lines = [f"u{n % 40},x{n % 30},view,{86_400 * 4 + n},,o4-{n},r" for n in range(601)]
    (tmp_path / "2026-11-04.csv").write_text(HEADER + "\n".join(lines) + "\n")
    with pytest.raises(InputError, match=r"2026-11-04 has 601 rows, where none before had more than 120") as error:
        rows_of(config(tmp_path, "2026-11-04"))
    assert "data.max_span_growth=0" in error.value.action
    assert days(rows_of(config(tmp_path, "2026-11-04", max_span_growth=0))) == [1, 2, 3, 4]
    assert days(rows_of(config(tmp_path, "2026-11-04", max_span_growth=601 / 120))) == [1, 2, 3, 4]
    (tmp_path / "2026-11-01.csv").unlink()
    assert days(rows_of(config(tmp_path, "2026-11-04"))) == [2, 3, 4]  # of two spans before nothing can be told


def test_a_refused_span_does_not_become_one_that_was_read(tmp_path):
    folder, kept = tmp_path / "events", tmp_path / "kept"
    folder.mkdir()
    crowded(folder, 1, 0)
    rows_of(config(folder, "2026-11-01", kept_rows=str(kept)))
    crowded(folder, 2, 60)
    with pytest.raises(InputError, match="unlike"):
        rows_of(config(folder, "2026-11-02", kept_rows=str(kept)))
    crowded(folder, 2, 10)  # mended
    with notices() as said:
        assert days(rows_of(config(folder, "2026-11-02", kept_rows=str(kept)))) == [1, 2]
    assert not [line for line in said if "changed" in line or "late" in line]


def test_a_file_behind_the_spans_is_no_part_of_the_newest(tmp_path):
    """Its 400 rows of one item come after those of the newest day in the source, and before them in time."""
    crowded(tmp_path, 1, 0)
    crowded(tmp_path, 2, 60)
    behind = tmp_path / "behind.csv"
    behind.write_text(HEADER + "\n".join(f"u{n % 40},m0,view,{n},,b{n},r" for n in range(400)) + "\n")
    source = DataConfig(
        source="files",
        ratings=f"{tmp_path}/{{YYYY}}-{{MM}}-{{DD}}.csv,{behind}",
        span="2026-11-02",
        has_ratings="false",
        max_span_drift=0.5,
    )
    rows_of(source)  # m0: 33 % of the day, 77 % of 520 rows before: .44
    with pytest.raises(InputError, match=r"item m0 has 33% of its rows"):
        rows_of(dataclasses.replace(source, max_span_drift=0.4))
