"""The files of the log: TFRecords that are begun anew when one is full or a day is over, the newest of them kept."""

from __future__ import annotations

import datetime
import logging
import re
import uuid
from collections.abc import Iterator
from pathlib import Path

import tensorflow as tf

logger = logging.getLogger(__name__)

ENDING = ".tfrecord"
_REST = re.compile(r"-(\d{8})-\d{6}-[0-9a-f]{8}-\d{6,}" + re.escape(ENDING))
FRAME_BYTES = 16
"""Bytes of the length and the checksums beside each record."""


class RecordFiles:
    """Writes the records of one prefix; to be used by one thread.

    A file is called `PREFIX-YYYYMMDD-HHMMSS-WRITER-NUMBER.tfrecord` after the moment (UTC) when it was begun, WRITER
    drawn at random: several servers may share a prefix (in containers each of them is process 1), and names are in the
    order of time.

    Args:
      prefix: Beginning of the paths.
      max_bytes: Size at which a file is closed.
      max_files: Most files of the prefix that are kept.
    """

    def __init__(self, prefix: Path, max_bytes: int, max_files: int) -> None:
        self._prefix = prefix
        self._name = uuid.uuid4().hex[:8]
        self._max_bytes = max_bytes
        self._max_files = max_files
        self._writer: tf.io.TFRecordWriter | None = None
        self._day = datetime.date.min
        self._bytes = self._number = 0

    def write(self, record: bytes) -> None:
        """Appends a record.

        Raises:
          tf.errors.OpError: The file cannot be written.
        """
        now = datetime.datetime.now(datetime.timezone.utc)
        if self._writer is not None and (self._bytes >= self._max_bytes or now.date() != self._day):
            self.close()
        if self._writer is None:
            self._number += 1
            path = f"{self._prefix}-{now:%Y%m%d-%H%M%S}-{self._name}-{self._number:06}{ENDING}"
            self._writer, self._day, self._bytes = tf.io.TFRecordWriter(path), now.date(), 0
            self._remove_oldest()
        self._writer.write(record)
        self._bytes += len(record) + FRAME_BYTES

    def flush(self) -> None:
        """Hands what has been written to the file."""
        if self._writer is not None:
            self._writer.flush()

    def close(self) -> None:
        """Ends the file that is open."""
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.close()

    def _remove_oldest(self) -> None:
        for path in files_of(self._prefix)[: -self._max_files]:
            path.unlink(missing_ok=True)


def files_of(prefix: Path) -> list[Path]:
    """The files of a prefix, oldest first."""
    paths = prefix.parent.glob(f"*{ENDING}")
    begins = len(prefix.name)
    return sorted(path for path in paths if path.name.startswith(prefix.name) and _REST.fullmatch(path.name[begins:]))


def day_of(prefix: Path, path: Path) -> datetime.date:
    """The day (UTC) whose records a file of a prefix holds."""
    found = _REST.fullmatch(path.name[len(prefix.name) :])
    assert found is not None
    return datetime.datetime.strptime(found[1], "%Y%m%d").date()


def records_of(path: Path) -> Iterator[bytes]:
    """The records of a file, without a last one that is half written: the server still writes it, or was killed."""
    try:
        yield from tf.compat.v1.io.tf_record_iterator(str(path))
    except tf.errors.DataLossError as error:
        logger.info("%s ends within a record: %s", path, error)
