"""Tiny ratings with a structure that is known by construction."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import tensorflow as tf

from components.examples import Interactions, RaggedRows, UserSequences
from components.features import TRAIN_PART
from components.ragged import Lists
from components.ranking.item_features import Feature, ItemFeatures
from components.ranking.known_ratings import KnownRatings, RatingRows, held_out_rows, known_ratings


def ids(prefix: str, count: int) -> Any:
    array = np.empty(count, object)
    array[:] = [f"{prefix}{number}".encode() for number in range(count)]
    return array


def sequences_of(rows: dict[int, list[tuple[int, float, int]]]) -> UserSequences:
    """Sequences from `{user: [(catalogue row, stars, seconds), ...]}`, users in ascending order."""
    lists = [rows[user] for user in sorted(rows)]
    flat = [row for one in lists for row in one]
    user_ids = np.empty(len(rows), object)
    user_ids[:] = [f"u{user}".encode() for user in sorted(rows)]
    return UserSequences(
        user_ids=user_ids,
        items=RaggedRows(
            row_splits=np.cumsum([0] + [len(one) for one in lists]).astype(np.int64),
            rows=np.array([row[0] for row in flat], np.int32),
            ratings=np.array([row[1] for row in flat], np.float32),
            timestamps=np.array([row[2] for row in flat], np.int64),
        ),
        parts=np.full(len(flat), TRAIN_PART, np.int8),
    )


def item_features(items: int, known: int, genres: list[list[int]] | None = None) -> ItemFeatures:
    """Items 0 .. known - 1 are of the vocabulary, in reverse order; the rest are unknown to training."""
    genres = genres or [[row % 3] for row in range(items)]
    return ItemFeatures(
        item_index=np.array([known - 1 - row if row < known else known for row in range(items)], np.int32),
        known_items=known,
        features=(feature("genres", 4, genres), feature("year", 32, [[row % 4] for row in range(items)])),
    )


def feature(name: str, size: int, lists: list[list[int]]) -> Feature:
    lengths = [len(one) for one in lists]
    return Feature(
        name=name,
        size=size,
        values=Lists(
            row_splits=np.cumsum([0, *lengths]).astype(np.int64),
            values=np.array([value for one in lists for value in one], np.int32),
        ),
        weights=np.array([1 / np.sqrt(length) for length in lengths for _ in range(length)], np.float32),
    )


@dataclasses.dataclass(frozen=True)
class World:
    items: ItemFeatures
    sequences: UserSequences
    known: KnownRatings
    held_out: RatingRows


def world(
    truth: Any,
    *,
    share: float = 0.75,
    seed: int = 0,
    unknown_items: int = 1,
    history_length: int = 200,
    genres: list[list[int]] | None = None,
) -> World:
    """Every user rates a share of the items; `truth` is `[users, items]`, the rest is held out."""
    users, items = truth.shape
    generator = np.random.default_rng(seed)
    trained = generator.random(truth.shape) < share
    rows = {
        user: [
            (int(m), float(truth[user, m]), 100 * t)
            for t, m in enumerate(generator.permutation(np.flatnonzero(trained[user])))
        ]
        for user in range(users)
    }
    sequences = sequences_of(rows)
    features = item_features(items + unknown_items, items, genres)
    known = known_ratings(
        sequences,
        np.arange(users, dtype=np.int32)[::-1].copy(),
        features,
        known_users=users,
        history_length=history_length,
        raters=200,
    )
    user, item = np.nonzero(~trained)
    user_ids = ids("u", users)
    held_out = held_out_rows(
        Interactions(
            user_ids=user_ids[user],
            item_rows=item.astype(np.int32),
            ratings=truth[user, item].astype(np.float32),
            timestamps=np.zeros(len(user), np.int64),
        ),
        sequences.user_ids,
    )
    return World(features, sequences, known, held_out)


class UserLookup(tf.Module):
    """Stands for the transform graph: the index of `u<number>`, in the reverse order that `world` uses."""

    def __init__(self, users: int) -> None:
        super().__init__()
        self._table = tf.lookup.StaticHashTable(
            tf.lookup.KeyValueTensorInitializer(
                tf.constant(list(ids("u", users))), tf.constant(np.arange(users)[::-1], tf.int64)
            ),
            users,
        )

    def __call__(self, features: Any) -> Any:
        ids = features["user_id"]
        return {"user_index": tf.SparseTensor(ids.indices, self._table.lookup(ids.values), ids.dense_shape)}


def rmse(predicted: Any, truth: Any) -> float:
    return float(np.sqrt(np.mean((np.asarray(predicted) - np.asarray(truth)) ** 2)))
