"""A bundle over vectors chosen by hand, saved and loaded as a real SavedModel."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import tensorflow as tf

from components.baselines.means import damped_means
from components.baselines.popularity import popular_order, popularity, shares
from components.bundle.config import BundleConfig
from components.bundle.depth import margins
from components.bundle.filters import ItemFilter
from components.bundle.first_stage import FirstStage
from components.bundle.known import known_users
from components.bundle.recommender import Recommender
from components.bundle.saving import save, write_json
from components.bundle.users import UserTable, encoded
from components.bundle.users_file import write_users
from components.bundle.warm_up import write_warm_up
from components.examples import Catalogue, RaggedRows, UserSequences
from components.features import TEST_PART, TRAIN_PART
from components.index.export import SearchModule
from components.index.scann_index import ScannIndex, ScannSetting
from components.index.search import ExactIndex
from components.retrieval.repeats import Repeats
from components.retrieval.towers import contributions, embed_history
from components.seen_rule import SeenRule
from serving.model import LoadedBundle

HALF_LIFE = 0.02


class Retrieval(tf.Module):
    """One pooling; with a half-life of next to nothing the last item of the history is the query."""

    def __init__(self, vectors: np.ndarray, half_life: float = HALF_LIFE, repeats: Repeats | None = None) -> None:
        super().__init__()
        self._repeats = repeats
        self.reads_repeats = tf.Variable(repeats is not None, trainable=False)
        self.half_lives = [half_life]
        self.history_length = tf.Variable(200, trainable=False)
        self.tables = tf.Variable(vectors.astype(np.float32))
        self.reads_users = tf.Variable(False, trainable=False)
        self.reads_context = tf.Variable(False, trainable=False)
        self.direction = tf.Variable(np.append(np.ones(vectors.shape[1]), 0).astype(np.float32))

    @tf.function(
        input_signature=[
            tf.TensorSpec([None, None], tf.int32),
            tf.TensorSpec([None, None], tf.int32),
            tf.TensorSpec([None, None], tf.float32),
        ]
    )
    def embed_query(self, history_rows, user_positions, user_weights):
        return {"embedding": embed_history(history_rows, self.tables, self.half_lives)}

    @tf.function(input_signature=[tf.TensorSpec([None, None], tf.string)])
    def read_user_features(self, user_features):
        nothing = tf.zeros([tf.shape(user_features)[0], 0])
        return {
            "positions": tf.cast(nothing, tf.int32),
            "weights": nothing,
            "given": tf.zeros([tf.shape(user_features)[0]], tf.bool),
        }

    @tf.function(input_signature=[tf.TensorSpec([None, None], tf.int32)])
    def repeats(self, history_rows):
        return tf.zeros_like(history_rows, tf.float32) if self._repeats is None else self._repeats(history_rows)

    @tf.function(input_signature=[tf.TensorSpec([None, None], tf.string)])
    def read_context(self, context):
        return self.read_user_features(context)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
    def context_of_rows(self, examples):
        return tf.fill([tf.size(examples), 0], "")

    @tf.function(input_signature=[tf.TensorSpec([None, None], tf.int32), tf.TensorSpec([None, None], tf.float32)])
    def contributions(self, history_rows, candidates):
        return contributions(history_rows, self.tables, self.half_lives, candidates)


class Ranker(tf.Module):
    """Predicts 1 star for row 0, 2 stars for row 1, …: an order that has nothing to do with relevance."""

    def __init__(self) -> None:
        super().__init__()
        self.history_length = tf.Variable(200, trainable=False)
        self.reads_users = tf.Variable(False, trainable=False)

    @tf.function(
        input_signature=[
            tf.TensorSpec([None], tf.string),
            tf.TensorSpec([None, None], tf.int32),
            tf.TensorSpec([None, None], tf.float32),
            tf.TensorSpec([None, None], tf.int32),
            tf.TensorSpec([None, None], tf.float32),
            tf.TensorSpec([None, None], tf.int32),
        ]
    )
    def predict(self, user_id, history_rows, history_ratings, user_positions, user_weights, item_rows):
        return {"predicted_rating": tf.cast(item_rows, tf.float32) + 1.0}

    @tf.function(
        input_signature=[
            tf.TensorSpec([None], tf.string),
            tf.TensorSpec([None, None], tf.int32),
            tf.TensorSpec([None, None], tf.float32),
            tf.TensorSpec([None, None], tf.int32),
            tf.TensorSpec([None, None], tf.float32),
        ]
    )
    def encode_users(self, user_id, history_rows, history_ratings, user_positions, user_weights):
        return tf.ones([tf.shape(user_id)[0], 1])

    @tf.function(input_signature=[tf.TensorSpec([None, None], tf.float32), tf.TensorSpec([None, None], tf.int32)])
    def rate(self, users, item_rows):
        return tf.cast(item_rows, tf.float32) + users


def strings(values: list[str]) -> np.ndarray:
    array = np.empty(len(values), dtype=object)
    array[:] = [value.encode() for value in values]
    return array


def ragged(lists: list[list[int]], ratings: list[list[float]] | None = None) -> RaggedRows:
    flat = [row for one in lists for row in one]
    stars = [r for one in ratings for r in one] if ratings else [3.0] * len(flat)
    return RaggedRows(
        row_splits=np.cumsum([0] + [len(one) for one in lists]).astype(np.int64),
        rows=np.array(flat, np.int32),
        ratings=np.array(stars, np.float32),
        timestamps=np.arange(len(flat), dtype=np.int64),
    )


def sequences(
    users: dict[str, list[int]], test_rows: dict[str, int], ratings: dict[str, list[float]] | None = None
) -> UserSequences:
    """Users with catalogue rows, oldest first, of which the last `test_rows[user]` are test rows."""
    parts = [
        part
        for user, rows in users.items()
        for part in [TRAIN_PART] * (len(rows) - test_rows.get(user, 0)) + [TEST_PART] * test_rows.get(user, 0)
    ]
    return UserSequences(
        user_ids=strings(list(users)),
        items=ragged(list(users.values()), None if ratings is None else [ratings[user] for user in users]),
        parts=np.array(parts, np.int8),
    )


def build_bundle(
    folder: Path,
    *,
    item_ids: list[str],
    genres: list[list[str]],
    vectors: np.ndarray,
    biases: np.ndarray,
    users: dict[str, list[int]],
    test_rows: dict[str, int],
    config: BundleConfig | None = None,
    before_test: bool = False,
    ranked: bool = True,
    scann: bool = False,
    list_length: int = 3,
    half_life: float = HALF_LIFE,
    ratings: dict[str, list[float]] | None = None,
    leave_out_seen: str = "always",
    scale: tuple[float, float] = (0.5, 5.0),
    liked_from: float | None = None,
    repeats: Repeats | None = None,
) -> LoadedBundle:
    """Saves a bundle and loads it back; `users` and `test_rows` are those of `sequences`."""
    catalogue = Catalogue(
        item_ids=strings(item_ids),
        titles=strings([f"Title of {item}" for item in item_ids]),
        genres=[[genre.encode() for genre in one] for one in genres],
    )
    everything = sequences(users, test_rows, ratings)
    training = everything.items.where(everything.parts == TRAIN_PART)
    known = known_users(
        everything, before_test=before_test, liked_from=liked_from, leave_out_seen=SeenRule.parse(leave_out_seen)
    )
    candidates = np.concatenate([vectors, biases[:, None]], axis=1).astype(np.float32)
    index = (
        ScannIndex(candidates, 20, ScannSetting(leaves_to_search=20, reorder=500)) if scann else ExactIndex(candidates)
    )
    search = SearchModule(index, candidates)
    counts = popularity(training, len(catalogue), liked_from)
    retrieval = Retrieval(vectors, half_life, repeats)
    item_filter = ItemFilter({"genres": catalogue.genres})
    ranker = Ranker() if ranked else None
    queries, user_vectors = encoded(retrieval, ranker, known)
    margin = margins(search, len(catalogue), queries, known.left_out, 100)
    module = Recommender(
        config or BundleConfig(),
        catalogue,
        UserTable(known, queries, user_vectors),
        retrieval,
        FirstStage(search, item_filter, shares(counts), popular_order(counts), margin),
        search,
        ranker,
        item_filter,
        damped_means(training, len(catalogue)),
        list_length,
        scale=scale,
        liked_from=liked_from,
        repeats=leave_out_seen == "never",
    )
    save(module, str(folder))
    write_warm_up(str(folder), strings(list(users)), catalogue.item_ids, item_filter.names)
    extra = folder / "assets.extra"
    facts = {
        "index": {"kind": "scann" if scann else "exact"},
        "settings": dataclasses.asdict(config or BundleConfig()),
        "list_length": list_length,
        "training_rows": len(training.rows),
        "scale": scale,
        "liked_from": liked_from,
        "leave_out_seen": leave_out_seen,
    }
    write_json(str(folder), "bundle.json", facts)
    write_users(known, str(extra / "users.parquet"))
    items = [
        {"id": item, "title": f"Title of {item}", "features": {"genres": one}}
        for item, one in zip(item_ids, genres, strict=True)
    ]
    (extra / "catalogue.json").write_text(json.dumps({"items": items, "users": list(users)}))
    return LoadedBundle(folder)


def random_bundle(folder: Path, seen: int, *, scann: bool) -> LoadedBundle:
    """1,000 items with vectors drawn at random; user `u` has seen `seen` of them, user `v` two."""
    rng = np.random.default_rng(seen)
    return build_bundle(
        folder,
        item_ids=[str(i) for i in range(1_000)],
        genres=[["Even"] if i % 2 == 0 else ["Odd"] for i in range(1_000)],
        vectors=rng.normal(size=(1_000, 8)),
        biases=rng.normal(size=1_000),
        users={"u": rng.permutation(1_000)[:seen].tolist(), "v": [1, 2]},
        test_rows={},
        scann=scann,
    )
