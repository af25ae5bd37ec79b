"""Tiny Examples written row by row, and real TFX nodes over them under the LocalDagRunner."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import tensorflow as tf
from ml_metadata.metadata_store import metadata_store
from tfx.dsl.components.common.importer import Importer
from tfx.orchestration import metadata, pipeline
from tfx.orchestration.local.local_dag_runner import LocalDagRunner
from tfx.types import artifact_utils, standard_artifacts

Row = Mapping[str, Any]


def item(item_id: Any, title: str, genres: Sequence[str] = (), rows: int = 1) -> Row:
    """An item as ingestion writes it."""
    return {"item_id": [item_id], "item_title": [title], "item_genres": list(genres), "rows": [rows]}


def person(user_id: Any, rows: int = 1) -> Row:
    """A user as ingestion writes them."""
    return {"user_id": [user_id], "rows": [rows]}


def user(user_id: Any, items: Sequence[Any], ratings: Sequence[float], parts: Sequence[int] = ()) -> Row:
    """A user's rows in order as ingestion writes them, a second apart; without parts all are for training."""
    return {
        "user_id": [user_id],
        "sequence_item_ids": list(items),
        "sequence_ratings": list(ratings),
        "sequence_timestamps": list(range(len(items))),
        "sequence_parts": [bytes(parts or [0] * len(items))],
    }


def write_split(folder: Path, split: str, rows: Iterable[Row]) -> str:
    """Writes one split in one gzipped file and returns its path."""
    path = folder / f"Split-{split}" / "data_tfrecord-00000-of-00001.gz"
    path.parent.mkdir(parents=True)
    with tf.io.TFRecordWriter(str(path), "GZIP") as writer:
        for row in rows:
            features = {name: _feature(values) for name, values in row.items()}
            writer.write(tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString())
    return str(path)


def examples(component_id: str, folder: Path, splits: Sequence[str], **properties: int | str) -> Importer:
    """A node that hands over the Examples in `folder`; its output is `result`."""
    return Importer(
        source_uri=str(folder),
        artifact_type=standard_artifacts.Examples,
        properties={"split_names": artifact_utils.encode_split_names(list(splits))},
        custom_properties={"payload_format": "FORMAT_TF_EXAMPLE", **properties},
    ).with_id(component_id)


def run(folder: Path, nodes: Sequence[Any]) -> None:
    """Runs the nodes in memory; artifacts go to `<folder>/<node>/<output>/<execution>`."""
    LocalDagRunner().run(
        pipeline.Pipeline(
            "tiny",
            str(folder),
            metadata_connection_config=metadata.sqlite_metadata_connection_config(str(folder / "metadata.sqlite")),
            components=list(nodes),
            beam_pipeline_args=["--runner=FnApiRunner", "--sdk_container_image=unused"],
        )
    )


def output(folder: Path, node: str, key: str) -> Path:
    """The artifact that the node's only execution left under the output `key`."""
    (path,) = (folder / node / key).iterdir()
    return path


def float_properties(folder: Path, type_name: str) -> list[dict[str, float]]:
    """Custom properties of all artifacts of a type that are floats."""
    connection = metadata.sqlite_metadata_connection_config(str(folder / "metadata.sqlite"))
    store = metadata_store.MetadataStore(connection)
    return [
        {
            name: value.double_value
            for name, value in artifact.custom_properties.items()
            if value.HasField("double_value")
        }
        for artifact in store.get_artifacts_by_type(type_name)
    ]


def _feature(values: Sequence[Any]) -> tf.train.Feature:
    if values and isinstance(values[0], float):
        return tf.train.Feature(float_list=tf.train.FloatList(value=values))
    if values and isinstance(values[0], int):
        return tf.train.Feature(int64_list=tf.train.Int64List(value=values))
    encoded = [value if isinstance(value, bytes) else value.encode() for value in values]
    return tf.train.Feature(bytes_list=tf.train.BytesList(value=encoded))
