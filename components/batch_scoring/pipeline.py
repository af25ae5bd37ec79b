"""The Beam job: from files of users to files of rows. `ScoreUsers` is its core, for pipelines of one's own."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from typing import Any

import apache_beam as beam
from apache_beam.metrics import Metrics
from apache_beam.ml.inference.base import RunInference

from components.batch_scoring.attempt_files import create
from components.batch_scoring.blocks import ScoredBlock, UserBlock
from components.batch_scoring.grouping import by_bucket, cut, each_once, number_of_buckets
from components.batch_scoring.model_handler import BundleHandler, ListQuestion
from components.batch_scoring.progress_files import reporter
from components.batch_scoring.reading import read_piece
from components.batch_scoring.tally import Tally, Total
from components.batch_scoring.user_files import Piece, UserFiles
from components.batch_scoring.writing import NAMESPACE, WriteRejected, WriteRows

MANIFEST = "manifest.json"
_TALLY, _REJECTED = "tally", "rejected"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Job:
    """Everything that one attempt does.

    Attributes:
      question: What is asked for every user.
      users: Whom it is asked for.
      folder: The attempt's folder; every worker writes into it.
      suffix: Format of the rows: `.parquet`, `.jsonl` or `.csv`.
      shards: Number of output files.
      block_users: Users of a block, that is, of one call of the model.
    """

    question: ListQuestion
    users: UserFiles
    folder: str
    suffix: str
    shards: int
    block_users: int


class ScoreUsers(beam.PTransform):  # type: ignore[misc]
    """Recommendations for blocks of users: PCollection[UserBlock] to PCollection[ScoredBlock].

    Args:
      question: What is asked for every user.
    """

    def __init__(self, question: ListQuestion) -> None:
        super().__init__()
        self._question = question

    def expand(self, blocks: Any) -> Any:
        handler = BundleHandler(self._question)
        return blocks | RunInference(handler, model_identifier=self._question.model).with_output_types(ScoredBlock)


class ScoreIntoFiles(beam.PTransform):  # type: ignore[misc]
    """The whole job, from the pieces of the input to a manifest of the files that were written.

    Args:
      job: What to do.
    """

    def __init__(self, job: Job) -> None:
        super().__init__()
        self._job = job

    def expand(self, begin: Any) -> Any:
        job = self._job
        buckets = number_of_buckets(job.users.rows, job.shards)
        read = (
            begin
            | "Pieces" >> beam.Create(list(job.users.pieces), reshuffle=False)
            | "Spread" >> beam.Reshuffle()
            | "Read"
            >> beam.ParDo(Read(job.folder, buckets))
            .with_output_types(tuple[int, UserBlock])
            .with_outputs(_TALLY, _REJECTED, main="users")
        )
        scored = (
            read.users
            | "Bring together" >> beam.GroupByKey()
            | "Each once"
            >> beam.ParDo(EachOnce(job.shards, job.block_users))
            .with_output_types(UserBlock)
            .with_outputs(_TALLY, main="blocks")
        )
        written = (
            scored.blocks
            | "Spread blocks" >> beam.Reshuffle()  # or a bucket's blocks would stay with the worker that has the bucket
            | "Score" >> ScoreUsers(job.question)
            | "Write" >> beam.ParDo(WriteRows(job.folder, job.suffix, job.question.schema, job.users.paths))
        )
        rejected = read[_REJECTED] | "Write rejected" >> beam.ParDo(WriteRejected(job.folder, job.users.paths))
        return (
            (read[_TALLY], scored[_TALLY], rejected, written)
            | beam.Flatten()
            | "Count" >> beam.CombineGlobally(Total())
            | "Write manifest" >> beam.Map(_write_manifest, job.folder)
        )


class Read(beam.DoFn):  # type: ignore[misc]
    """Reads a piece: users by bucket, rejected records, and a Tally.

    Args:
      folder: The attempt's folder.
      buckets: Number of buckets.
    """

    def __init__(self, folder: str, buckets: int) -> None:
        self._folder = folder
        self._buckets = buckets
        self._read = Metrics.counter(NAMESPACE, "users_read")

    def process(self, piece: Piece) -> Iterator[Any]:
        """Raises an InputError about a piece that cannot be read."""
        read = 0
        for records in read_piece(piece):
            yield from by_bucket(records.users, self._buckets)
            if records.rejected:
                yield beam.pvalue.TaggedOutput(_REJECTED, records.rejected)
            count = records.users.num_rows + len(records.rejected)
            self._read.inc(count)
            reporter(self._folder).add(read=count)
            read += count
        yield beam.pvalue.TaggedOutput(_TALLY, Tally(read=read))


class EachOnce(beam.DoFn):  # type: ignore[misc]
    """Turns the users of a bucket into blocks, each user once, and tells how many records were left out.

    Args:
      shards: Number of output files.
      block_users: Users of a block.
    """

    def __init__(self, shards: int, block_users: int) -> None:
        self._shards = shards
        self._block_users = block_users
        self._duplicates = Metrics.counter(NAMESPACE, "duplicates")

    def process(self, bucket: tuple[int, Iterable[UserBlock]]) -> Iterator[Any]:
        """Yields the blocks of a bucket."""
        number, blocks = bucket
        users, duplicates = each_once(blocks)
        self._duplicates.inc(duplicates)
        yield beam.pvalue.TaggedOutput(_TALLY, Tally(duplicates=duplicates))
        yield from cut(users, number % self._shards, self._block_users)


def _write_manifest(tally: Tally, folder: str) -> str:
    with create(folder, MANIFEST) as file:
        file.write(tally.to_json().encode())
    return f"{folder}/{MANIFEST}"
