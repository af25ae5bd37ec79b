"""A bundle with the signature `evaluate` whose every answer is known, and test rows to judge it on."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

SEPARATOR = "|"


@dataclasses.dataclass(frozen=True)
class Row:
    """One test row; `held_out` only on a user's marked row."""

    user: str
    item: str
    rating: float | None
    activity: str
    popularity: str
    genres: tuple[str, ...]
    held_out: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Answers:
    """What the bundle answers: lists by user, stars by (user, item)."""

    lists: dict[str, list[str]]
    stars: dict[tuple[str, str], float]
    means: dict[tuple[str, str], float]


@dataclasses.dataclass(frozen=True)
class Peers:
    """What popularity and the peer answer: lists by user."""

    popular: dict[str, list[str]]
    peer: dict[str, list[str]]


def make_rows(users: int = 40, items: int = 60, seed: int = 1, has_ratings: bool = True) -> list[Row]:
    generator = np.random.default_rng(seed)
    rows = []
    for user in range(users):
        held_out = [f"m{item}" for item in generator.choice(items, size=generator.integers(1, 7), replace=False)]
        for position, item in enumerate(held_out):
            number = int(item[1:])
            rows.append(
                Row(
                    user=f"u{user}",
                    item=item,
                    rating=float(generator.integers(1, 11)) / 2 if has_ratings else None,
                    activity=("1-19", "20-49")[user % 2],
                    popularity=("1-4", "5-19", "20-99")[number % 3],
                    genres=(("Drama",), ("Comedy", "Drama"), ())[number % 3],
                    held_out=tuple(held_out) if position == 0 else (),
                )
            )
    return rows


def make_answers(
    rows: list[Row], quality: float, star_noise: float, length: int = 20, items: int = 60, seed: int = 2
) -> Answers:
    """Lists that hold each held-out item with probability `quality`, stars that err by `star_noise`."""
    generator = np.random.default_rng(seed)
    lists = make_lists(rows, quality, length, items, generator)
    pairs = {(row.user, row.item): row.rating or 0.0 for row in rows}
    noise = generator.normal(size=(2, len(pairs)))
    return Answers(
        lists=lists,
        stars={pair: rating + star_noise * noise[0, i] for i, (pair, rating) in enumerate(pairs.items())},
        means={pair: rating + noise[1, i] for i, (pair, rating) in enumerate(pairs.items())},
    )


def make_lists(
    rows: list[Row], quality: float, length: int, items: int, generator: np.random.Generator
) -> dict[str, list[str]]:
    lists = {}
    for row in rows:
        if row.held_out:
            drawn = [f"m{item}" for item in generator.permutation(items)]
            wanted = [item for item in row.held_out if generator.random() < quality]
            others = [item for item in drawn if item not in row.held_out]
            lists[row.user] = [str(item) for item in generator.permutation(wanted + others[: length - len(wanted)])]
    return lists


def make_peers(rows: list[Row], quality: float = 0.5, length: int = 20, items: int = 60, seed: int = 3) -> Peers:
    """The same popular items for everybody, and the peer's lists that hold a held-out item with `quality`."""
    popular = {row.user: [f"m{item}" for item in range(length - 2)] for row in rows if row.held_out}
    peer = make_lists(rows, quality, length, items, np.random.default_rng(seed))
    return Peers(popular=popular, peer=peer)


def save_bundle(
    folder: str | Path,
    answers: Answers,
    length: int = 20,
    items: int = 60,
    has_ratings: bool = True,
    rating_range: tuple[float, float] | None = None,
    signature: str = "evaluate",
) -> str:
    """Writes the SavedModel with `assets.extra/bundle.json`."""
    module = _Bundle(answers, length)
    tf.saved_model.save(module, str(folder), signatures={signature: module.evaluate})
    extra = Path(folder) / "assets.extra"
    extra.mkdir()
    described = {
        "list_length": length,
        "items": items,
        "live_items": items,
        "has_ratings": has_ratings,
        "rating_range": rating_range,
    }
    (extra / "bundle.json").write_text(json.dumps(described))
    return str(folder)


def write_rows(folder: str | Path, rows: list[Row], peers: Peers, shards: int = 3) -> None:
    """Writes `Split-test` as PeerLists does; the last shard has no marked row, if there is more than one."""
    target = Path(folder) / "Split-test"
    target.mkdir(parents=True)
    marked = [row for row in rows if row.held_out]
    others = [row for row in rows if not row.held_out]
    parts = [rows] if shards == 1 else [*_dealt(marked + others[::2], shards - 1), others[1::2]]
    options = tf.io.TFRecordOptions(compression_type="GZIP")
    for number, part in enumerate(parts):
        path = str(target / f"data_tfrecord-{number:05d}-of-{shards:05d}.gz")
        with tf.io.TFRecordWriter(path, options) as writer:
            for row in part:
                writer.write(to_example(row, peers).SerializeToString())


def to_example(row: Row, peers: Peers) -> tf.train.Example:
    features = {
        "user_id": _text([row.user]),
        "item_id": _text([row.item]),
        "user_activity": _text([row.activity]),
        "item_popularity": _text([row.popularity]),
        "item_genres": _text(row.genres),
    }
    features["rating"] = tf.train.Feature(
        float_list=tf.train.FloatList(value=[1.0 if row.rating is None else row.rating])
    )
    if row.held_out:
        features["held_out_item_ids"] = _text(row.held_out)
        features["popular_item_ids"] = _text(peers.popular[row.user])
        features["peer_item_ids"] = _text(peers.peer[row.user])
    return tf.train.Example(features=tf.train.Features(feature=features))


class _Bundle(tf.Module):
    def __init__(self, answers: Answers, length: int) -> None:
        super().__init__()
        self._length = length
        self._lists = _table({user: SEPARATOR.join(items) for user, items in answers.lists.items()}, "")
        self._stars = _table({SEPARATOR.join(pair): stars for pair, stars in answers.stars.items()}, 0.0)
        self._means = _table({SEPARATOR.join(pair): stars for pair, stars in answers.means.items()}, 0.0)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
    def evaluate(self, examples: Any) -> dict[str, Any]:
        parsed = tf.io.parse_example(
            examples,
            {
                "user_id": tf.io.FixedLenFeature([], tf.string),
                "item_id": tf.io.FixedLenFeature([], tf.string),
                "held_out_item_ids": tf.io.RaggedFeature(tf.string),
            },
        )
        marked = parsed["held_out_item_ids"].row_lengths() > 0
        pair = tf.strings.join([parsed["user_id"], parsed["item_id"]], SEPARATOR)
        return {
            "item_ids": self._split(self._lists, parsed["user_id"], marked),
            "predicted_rating": self._stars.lookup(pair),
            "baseline_rating": self._means.lookup(pair),
        }

    def _split(self, table: Any, users: Any, marked: Any) -> Any:
        joined = tf.where(marked, table.lookup(users), "")
        return tf.strings.split(joined, SEPARATOR).to_tensor("", shape=[None, self._length])


def _table(values: dict[str, Any], default: Any) -> Any:
    dtype = tf.string if isinstance(default, str) else tf.float32
    keys = tf.constant(list(values), tf.string)
    initializer = tf.lookup.KeyValueTensorInitializer(keys, tf.constant(list(values.values()), dtype))
    return tf.lookup.StaticHashTable(initializer, default)


def _dealt(rows: list[Row], hands: int) -> list[list[Row]]:
    return [rows[hand::hands] for hand in range(hands)]


def _text(values: Any) -> tf.train.Feature:
    return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value.encode() for value in values]))
