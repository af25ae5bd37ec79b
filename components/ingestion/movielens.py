"""The source `movielens`: the GroupLens data sets as TensorFlow Datasets prepares them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
import tensorflow as tf

from components.errors import InputError
from components.feature_specs import FeatureSpec, columns_of_context
from components.ingestion import fingerprint, loading, times
from components.ingestion.config import DataConfig
from components.ingestion.faults import Fault
from components.ingestion.items import ItemRecords
from components.ingestion.own_columns import converted
from components.ingestion.source import SourceFacts, Understood
from components.ingestion.users import UserRecords
from components.ingestion.workspace import Workspace
from components.progress import report
from components.rates import RateReporter

BLOCK_ROWS = 65_536
NO_GENRES = b"(no genres listed)"

_SPLIT = "train"  # TFDS keeps every MovieLens table in one split of this name
_OF_USERS = ("user_", "raw_user_", "bucketized_user_")
_RATINGS = ("user_id", "movie_id", "user_rating", "timestamp")


class MovielensSource:
    """One MovieLens data set; it is prepared (downloaded where need be) on first use."""

    def __init__(self, config: DataConfig) -> None:
        self._config = config
        self._builders: dict[str, Any] = {}

    def facts(self) -> SourceFacts:
        """Every MovieLens data set is rated and dated."""
        return SourceFacts(
            name=f"MovieLens {self._config.dataset}",
            has_ratings=self._config.has_ratings != "false",
            has_timestamps=True,
        )

    def fingerprint(self) -> str:
        """sha256 over the version and the prepared files of both tables."""
        builders = [self._builder(table) for table in ("ratings", "movies")]
        versions = " ".join(f"{builder.info.full_name}" for builder in builders)
        files = [str(path) for builder in builders for path in builder.info.splits[_SPLIT].filepaths]
        return fingerprint.of_text(versions + " " + fingerprint.of_files(files))

    def load(self, workspace: Workspace, specs: Sequence[FeatureSpec] = ()) -> Understood:
        """Hands every interaction to the sorter, in the order of the prepared files."""
        for spec in columns_of_context(specs):
            raise InputError(
                f"{self.facts().name} has no column `{spec.column}`, which features.context.{spec.name} reads",
                expected="kind = hour or weekday, which are made of the timestamp",
                received=spec.kind,
                action="take the feature out",
            )
        connection = workspace.connection
        connection.execute(loading.CREATE)
        progress = RateReporter("reading ratings")
        for batch in _batches(self._builder("ratings"), _RATINGS):
            connection.register("batch", pd.DataFrame({name: _plain(batch[name].numpy()) for name in _RATINGS}))
            connection.execute(f"INSERT INTO rows {self._checked()}")
            progress.add(len(batch["user_id"]))
        progress.finish()
        found = connection.execute("SELECT count(*), min(rating) FROM rows WHERE fault <> 0").fetchone()
        if found and found[0]:
            raise InputError(
                f"{self.facts().name}: {found[0]:,} ratings are outside the range of ratings",
                expected=f"from {self._config.rating_min} to {self._config.rating_max}",
                received=f"{found[1]:g}",
                action="widen the range: --set data.rating_min=… --set data.rating_max=…",
            )
        return Understood(columns=f"tables of {self.facts().name}", times=f"Unix {times.SECONDS}")

    def _checked(self) -> str:
        rating = "user_rating::FLOAT" if self._config.has_ratings != "false" else "1.0::FLOAT"
        test = " OR ".join(loading.outside(rating, self._config)) or "false"
        fault = f"CASE WHEN {test} THEN {int(Fault.RATING_OUT_OF_RANGE)} ELSE 0 END"
        return f"SELECT user_id, movie_id, {rating}, 1.0::FLOAT, timestamp::BIGINT, 0, NULL, NULL, {fault} FROM batch"

    def users(self, workspace: Workspace, specs: Sequence[FeatureSpec]) -> UserRecords | None:
        """What the ratings say of their users (100k and 1m have age, gender and occupation)."""
        del workspace
        if not specs:
            return None
        builder = self._builder("ratings")
        known = [name for name in builder.info.features if name.startswith(_OF_USERS) and name not in _RATINGS]
        for spec in specs:
            if spec.column not in known:
                raise InputError(
                    f"{self.facts().name} has no column `{spec.column}`, which features.user.{spec.name} reads",
                    expected="one of " + ", ".join(known) if known else "no feature of users: this data set has none",
                    received=spec.column,
                    action="correct the column of the feature, or take it out",
                )
        rows: dict[bytes, tuple[Any, ...]] = {}
        for batch in _batches(builder, ("user_id", *(spec.column for spec in specs))):
            columns = [batch[spec.column].numpy().tolist() for spec in specs]
            rows.update(zip(batch["user_id"].numpy().tolist(), zip(*columns, strict=True), strict=True))
        values = list(zip(*rows.values(), strict=True))
        return UserRecords(
            ids=list(rows),
            features={spec.name: converted(spec, column) for spec, column in zip(specs, values, strict=True)},
        )

    def items(self, workspace: Workspace, specs: Sequence[FeatureSpec] = ()) -> ItemRecords | None:
        """The catalogue in the order of the prepared files."""
        del workspace
        own = [spec for spec in specs if not spec.is_standard_column]
        if own:
            raise InputError(
                f"{self.facts().name} has no column `{own[0].column}`, which features.item.{own[0].name} reads",
                expected="title or genres: all that is known of a movie",
                received=own[0].column,
                action="take the feature out",
            )
        builder = self._builder("movies")
        names = [name.encode() for name in builder.info.features["movie_genres"].feature.names]
        items = ItemRecords()
        for batch in _batches(builder, ("movie_id", "movie_title", "movie_genres")):
            items.ids.extend(batch["movie_id"].numpy())
            items.titles.extend(batch["movie_title"].numpy())
            for codes in batch["movie_genres"].to_list():
                items.genres.append([names[code] for code in codes if names[code] != NO_GENRES])
        return items

    def _builder(self, table: str) -> Any:
        if table not in self._builders:
            self._builders[table] = _prepared(self._config, table)
        return self._builders[table]


def _plain(values: Any) -> Any:
    """Texts in place of bytes."""
    return np.char.decode(values.astype(np.bytes_)) if values.dtype == object else values


def _prepared(config: DataConfig, table: str) -> Any:
    """The builder of a table, its files ready to be read.

    Raises:
      InputError: Neither prepared data, nor an archive in manual_dir, nor a download.
    """
    import tensorflow_datasets as tfds  # 2 s to import, and only this source needs it

    name = f"movielens/{config.dataset}-{table}"
    try:
        builder = tfds.builder(name, data_dir=config.data_dir or None)
        if not builder.info.splits:
            report("preparing MovieLens %s (%s)", config.dataset, table)
            manual = tfds.download.DownloadConfig(manual_dir=config.manual_dir or None)
            builder.download_and_prepare(download_config=manual)
    except Exception as error:  # whatever TFDS raises, a person can only mend the archive or the network
        raise InputError(
            f"MovieLens {config.dataset} cannot be prepared by TensorFlow Datasets",
            expected="the archive in data.manual_dir, prepared data in data.data_dir, or a network to download it",
            received=f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}",
            action=f"download ml-{config.dataset}.zip from https://grouplens.org/datasets/movielens/ "
            "(without unpacking it) and name its folder with --set data.manual_dir=FOLDER",
        ) from error
    _require_tfrecord(builder)
    return builder


def _require_tfrecord(builder: Any) -> None:
    kind = builder.info.file_format.value
    if kind != "tfrecord":
        raise InputError(
            f"{builder.info.full_name} was prepared in another file format",
            expected="tfrecord, the default of TensorFlow Datasets",
            received=f"{kind} in {builder.data_dir}",
            action="name another folder with --set data.data_dir=FOLDER; the data set is prepared there again",
        )


def _batches(builder: Any, names: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    """Batches of the named features, straight from the prepared files: ten times the speed of as_dataset."""
    spec = builder.info.features.tf_example_spec
    chosen = {name: _parsing(spec[name]) for name in names}
    files = [str(path) for path in builder.info.splits[_SPLIT].filepaths]
    dataset = tf.data.TFRecordDataset(files).batch(BLOCK_ROWS)
    yield from dataset.map(
        lambda rows: tf.io.parse_example(rows, chosen), num_parallel_calls=tf.data.AUTOTUNE, deterministic=True
    ).prefetch(2)


def _parsing(spec: Any) -> Any:
    return tf.io.RaggedFeature(spec.dtype) if isinstance(spec, tf.io.FixedLenSequenceFeature) else spec
