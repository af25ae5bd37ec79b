"""Copies test rows and gives the marked ones further lists of items."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from components import features
from components.examples import Ints, RaggedRows, Strings, row_lookup
from components.rates import RateReporter

BATCH = 4_096
_FAST = 1  # zlib level, as ingestion writes

_KNOWN = {
    features.HISTORY_ITEM_IDS: tf.io.RaggedFeature(tf.string),
    features.HISTORY_RATINGS: tf.io.RaggedFeature(tf.float32),
    features.SEEN_ITEM_IDS: tf.io.RaggedFeature(tf.string),
    features.HELD_OUT_ITEM_IDS: tf.io.RaggedFeature(tf.string),
}

Lists = Mapping[str, Iterator[Ints]]
"""Catalogue rows for one marked row after the other, by the name of the feature that they become."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Known:
    """What marked rows say of the past.

    Attributes:
      history: Catalogue rows of the most recent known interactions of each marked row that are no dislikes, oldest
        first.
      seen: Catalogue rows that its list leaves out.
    """

    history: RaggedRows
    seen: RaggedRows


def add_lists(
    pattern: str, folder: str, item_ids: Strings, lists: Callable[[Known], Lists], liked_from: float | None = None
) -> int:
    """Copies every record of the files that match `pattern` into `folder`, file by file.

    Args:
      pattern: Gzipped TFRecords of tf.Examples.
      folder: Where the files go, by the same names.
      item_ids: The catalogue.
      lists: Makes the lists of the marked rows of a batch.
      liked_from: Rows of a history rated below it are dislikes; None: there are none.

    Returns:
      How many marked rows there are.
    """
    table = row_lookup(item_ids)
    tf.io.gfile.makedirs(folder)
    progress = RateReporter("listing what peers recommend")
    marked_rows = 0
    for path in sorted(tf.io.gfile.glob(pattern)):
        options = tf.io.TFRecordOptions(compression_type="GZIP", compression_level=_FAST)
        with tf.io.TFRecordWriter(f"{folder}/{path.rpartition('/')[2]}", options) as writer:
            for records in tf.data.TFRecordDataset(path, "GZIP").batch(BATCH).prefetch(1):
                marked, known = _read(records, table, liked_from)
                added = {name: iter(rows) for name, rows in lists(known).items()}
                for record, is_marked in zip(records.numpy(), marked, strict=True):
                    writer.write(_with_lists(record, added, item_ids) if is_marked else record)
                marked_rows += int(marked.sum())
                progress.add(len(marked))
    progress.finish()
    return marked_rows


def _read(records: Any, table: Any, liked_from: float | None) -> tuple[Any, Known]:
    parsed = tf.io.parse_example(records, _KNOWN)
    if liked_from is not None:
        liked = parsed[features.HISTORY_RATINGS] >= liked_from
        parsed[features.HISTORY_ITEM_IDS] = tf.ragged.boolean_mask(parsed[features.HISTORY_ITEM_IDS], liked)
    marked = parsed[features.HELD_OUT_ITEM_IDS].row_lengths() > 0

    def rows(name: str) -> RaggedRows:
        ids = tf.ragged.boolean_mask(parsed[name], marked)
        return RaggedRows(row_splits=ids.row_splits.numpy(), rows=table.lookup(ids.flat_values).numpy())

    return marked.numpy(), Known(history=rows(features.HISTORY_ITEM_IDS), seen=rows(features.SEEN_ITEM_IDS))


def _with_lists(record: bytes, lists: Mapping[str, Iterator[Ints]], item_ids: Strings) -> bytes:
    example = tf.train.Example.FromString(record)
    for name, rows in lists.items():
        example.features.feature[name].bytes_list.value.extend(item_ids[np.asarray(next(rows))])
    serialized: bytes = example.SerializeToString(deterministic=True)
    return serialized
