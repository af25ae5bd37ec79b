"""No output with rows missing: the job counts what went in and what came out."""

from __future__ import annotations

from pathlib import Path

import pytest

from components.batch_scoring import pipeline, settling
from components.batch_scoring.grouping import cut
from components.batch_scoring.settling import IncompleteError, check_counts
from components.batch_scoring.tally import Tally
from components.batch_scoring.user_files import Piece, UserFiles
from components.batch_scoring.writing import WriteRows
from components.errors import InputError


def users(rows, exact=True):
    return UserFiles(paths=["u"], pieces=[Piece(path="u", file=0, kind="parquet", rows=rows)], exact=exact)


def test_every_record_is_a_user_a_rejected_record_or_a_duplicate():
    check_counts(Tally(read=10, users=7, rejected=2, duplicates=1), users(10))
    check_counts(Tally(read=9, users=9), users(10, exact=False))  # a text file with an empty line
    with pytest.raises(IncompleteError, match="9 are accounted for"):
        check_counts(Tally(read=10, users=7, rejected=1, duplicates=1), users(10))
    with pytest.raises(IncompleteError, match="11 are accounted for"):  # twice is as bad
        check_counts(Tally(read=10, users=8, rejected=2, duplicates=1), users(10))
    with pytest.raises(IncompleteError, match="10 records and 9 were read"):
        check_counts(Tally(read=9, users=9), users(10))


def test_a_stage_that_loses_a_block_fails_the_job_and_nothing_is_published(scored, tmp_path, monkeypatch):
    def losing(*arguments):
        return list(cut(*arguments))[1:]

    monkeypatch.setattr(pipeline, "cut", losing)
    with pytest.raises(IncompleteError, match=r"300 records were read, and 236 are accounted for: 236 users scored"):
        scored("all", block_users=64)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("harm", "says"), [(Path.unlink, "is missing"), (lambda path: path.write_bytes(b""), "0 bytes")]
)
def test_a_file_that_is_not_what_its_writer_wrote_fails_the_job(scored, tmp_path, monkeypatch, harm, says):
    settle = settling._check_files

    def harmed(parts, folder):
        harm(Path(folder, parts[0].name))
        settle(parts, folder)

    monkeypatch.setattr(settling, "_check_files", harmed)
    with pytest.raises(IncompleteError, match=says):
        scored("all")
    assert list(tmp_path.iterdir()) == []


def test_a_writer_that_drops_rows_fails_the_job(scored, tmp_path, monkeypatch):
    process = WriteRows.process
    monkeypatch.setattr(WriteRows, "process", lambda self, block: process(self, block) if block.users == 64 else None)
    with pytest.raises(IncompleteError, match="accounted for"):
        scored("all", block_users=64)  # the last block has 44
    assert list(tmp_path.iterdir()) == []


def test_an_unreadable_file_among_many_fails_the_job_and_names_it(scored, tmp_path, monkeypatch):
    import pyarrow as pa
    import pyarrow.parquet as pq

    shards = tmp_path / "shards"
    shards.mkdir()
    for shard in range(4):
        table = pa.table({"user_id": [f"u{n}" for n in range(shard * 50, shard * 50 + 50)]})
        pq.write_table(table, shards / f"{shard}.parquet")
    broken = shards / "2.parquet"
    content = bytearray(broken.read_bytes())
    content[10:200] = bytes(190)  # the header and the footer are whole
    broken.write_bytes(content)
    with pytest.raises((InputError, RuntimeError), match=r"2\.parquet cannot be read"):
        scored(str(shards))
    assert not (tmp_path / "out.parquet").exists()
