"""The rating model: biases, a user vector, an item vector, and what an architecture makes of the two.

    rating = mean + user bias + item bias + interaction(user vector, item vector)

A user vector is made of the id, of the *implicit* history (which items were rated, not how) and of the user's
features; an item vector of the id, of its raters, and of its features. Lists enter as their sum divided
by the square root of their length. A training target is left out of its own history and its user
out of the item's raters: else the model learns to recognise the row that it is to predict.

The loss is the squared error per row plus `share * l2 / rows * squared norm` over whole tables, so L2
weights mean the same whatever the batch size; `RankingConfig.l2_share` says how much of it few rows bear.
"""

from __future__ import annotations

import abc
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_recommenders as tfrs

from components.ranking.batches import Batch
from components.ranking.config import RankingConfig
from components.ranking.item_features import Feature, ItemFeatures
from components.ranking.known_ratings import KnownRatings
from components.ranking.list_sums import list_sums

_INITIAL_SCALE = 0.05


class RatingModel(tfrs.Model):  # type: ignore[misc]
    """Predicts ratings of `Batch` rows; an architecture says how vectors are made and meet.

    Args:
      config: Settings.
      items: Features of the catalogue.
      known: Training rows: vocabulary sizes, mean and range of the ratings.
      seed: Seed of the initial values and of what is dropped in training.
    """

    reads_history = True
    reads_raters = True
    reads_content = True
    is_inner_product = False  # whether `interaction` is the inner product of the two vectors

    def __init__(self, config: RankingConfig, items: ItemFeatures, known: KnownRatings, seed: int) -> None:
        super().__init__()
        self._config = config
        self._l2_unit = config.l2_share(len(known.rows)) / max(1, len(known.rows))
        self._seeds = np.random.SeedSequence(seed)
        self._step_seed = seed
        self.unknown_user = known.known_users
        self.unknown_item = items.known_items
        self.mean = float(np.mean(known.rows.ratings, dtype=np.float64))
        self.lowest = float(np.min(known.rows.ratings))
        self.highest = float(np.max(known.rows.ratings))
        self.item_index = items.item_index
        self._item_index = tf.constant(items.item_index)
        self._pooled_items = [_Pooled(feature, len(items)) for feature in items.features] if self.reads_content else []
        self._user_features = known.content.features if self.reads_content else 0
        self._feature_of = tf.constant(known.content.feature_of)
        self._missing_of = tf.constant(known.content.missing_of)
        self._make_tables(items, known)
        self.task = tfrs.tasks.Ranking(
            # Of `[rows]` it is the mean over the rows already; to be averaged over a batch is refused by tf.distribute.
            loss=tf.keras.losses.MeanSquaredError(reduction=tf.keras.losses.Reduction.NONE),
            metrics=[tf.keras.metrics.RootMeanSquaredError("rmse"), tf.keras.metrics.MeanAbsoluteError("mae")],
        )

    def _make_tables(self, items: ItemFeatures, known: KnownRatings) -> None:
        """The embeddings and biases of ids, histories and content."""
        config = self._config
        users, catalogue, dim = known.known_users + 1, items.known_items + 1, config.embedding_dim
        self.user_bias = self._table("user_bias", users, 1, config.l2_biases, scale=0.0)
        self.item_bias = self._table("item_bias", catalogue, 1, config.l2_biases, scale=0.0)
        self.user_ids = self._table("user_ids", users, dim, config.l2_ids)
        self.item_ids = self._table("item_ids", catalogue, dim, config.l2_ids)
        if self.reads_history:
            self.history_items = self._table("history_items", catalogue, dim, config.l2_history)
            entries = known.histories.values
            self.typical_length = np.float32(
                len(entries) / max(1, int(np.count_nonzero(np.diff(known.histories.row_splits))))
            )
            self._entry_shares = tf.constant(
                np.bincount(entries, minlength=catalogue) / max(1, len(entries)), tf.float32
            )
        if self.reads_raters:
            self.rater_users = self._table("rater_users", users, dim, config.l2_history)
        sizes = {feature.name: feature.size for feature in items.features} if self.reads_content else {}
        self.item_content = [self._table(f"item_{name}", size, dim, config.l2_features) for name, size in sizes.items()]
        self.item_content_bias = [
            self._table(f"item_{name}_bias", size, 1, config.l2_biases, scale=0.0) for name, size in sizes.items()
        ]
        if self._user_features:
            self.user_content = self._table("user_content", known.content.size, dim, config.l2_user_features)
            self.user_content_bias = self._table(
                "user_content_bias", known.content.size, 1, config.l2_biases, scale=0.0
            )

    @property
    def reads_users(self) -> bool:
        """Whether features of users have a part in a rating."""
        return self._user_features > 0

    @abc.abstractmethod
    def join(self, parts: list[Any]) -> Any:
        """One vector `[..., width]` of the parts `[..., embedding_dim]` of a user or of an item."""

    @abc.abstractmethod
    def interaction(self, user: Any, item: Any, training: bool = False) -> Any:
        """What two vectors `[..., width]` add to the biases, `[...]`, in stars."""

    def user_vector(self, index: Any, history: Any, content: list[Any]) -> Any:
        """Joins a user's parts.

        Args:
          index: `[...]` user indices.
          history: `[..., embedding_dim]` pooled histories.
          content: `[..., embedding_dim]` each, a feature of users.
        """
        return self.join([tf.gather(self.user_ids, index), *([history] if self.reads_history else []), *content])

    def item_vector(self, index: Any, rows: Any, raters: Any) -> Any:
        """Joins an item's parts.

        Args:
          index: `[...]` item indices (the unknown one where an id is hidden).
          rows: `[...]` catalogue rows, for the features.
          raters: `[..., embedding_dim]` pooled raters.
        """
        parts = [tf.gather(self.item_ids, index)]
        if self.reads_raters:
            parts.append(raters)
        if self._pooled_items:
            content = [pooled(table) for pooled, table in zip(self._pooled_items, self.item_content, strict=True)]
            parts += [tf.gather(part, rows) for part in self._before_rows(content)]
        return self.join(parts)

    def user_biases(self, index: Any) -> Any:
        """Stars above the mean, `[...]` user indices -> `[...]`."""
        return tf.gather(self.user_bias[:, 0], index)

    def item_biases(self, index: Any, rows: Any) -> Any:
        """Stars above the mean: `[...]` item indices and catalogue rows -> `[...]`."""
        bias = tf.gather(self.item_bias[:, 0], index)
        if self._pooled_items:
            tables = zip(self._pooled_items, self.item_content_bias, strict=True)
            bias += tf.gather(tf.add_n([pooled(table) for pooled, table in tables])[:, 0], rows)
        return bias

    def pooled_content(self, positions: Any, owner: Any, weights: Any, users: Any) -> tuple[list[Any], Any]:
        """What the features of users come to.

        Args:
          positions: int32 `[total]`, of the content of users.
          owner: int32 `[total]`, the user of each.
          weights: float32 `[total]`.
          users: int32 scalar, number of users.

        Returns:
          A vector float32 `[users, embedding_dim]` for each feature, and stars above the mean float32 `[users]`.
        """
        if not self._user_features:
            return [], tf.zeros([users])
        features = self._user_features
        place = owner * features + tf.gather(self._feature_of, positions)
        vectors = tf.math.unsorted_segment_sum(
            weights[:, None] * tf.gather(self.user_content, positions), place, users * features
        )
        vectors = tf.reshape(vectors, [users, features, self.user_content.shape[1]])
        biases = tf.math.unsorted_segment_sum(
            weights * tf.gather(self.user_content_bias[:, 0], positions), owner, users
        )
        return tf.unstack(vectors, num=features, axis=1), biases

    def call(self, batch: Batch, training: bool = False) -> Any:
        """Predicted ratings `[rows]`, not clipped."""
        user = true_user = tf.gather(batch.users, batch.user_position)
        rows = tf.gather(batch.items, batch.item_position)
        item = true_item = tf.gather(self._item_index, rows)
        history, raters = self._history(batch, true_user, true_item), self._raters(batch, true_user)
        content, content_bias = self._content(batch, training)
        if training:
            user = tf.where(self._hidden(0, user), self.unknown_user, user)
            hidden = self._hidden(1, item)
            item = tf.where(hidden, self.unknown_item, item)
            # An item that training does not know has no raters either.
            raters = tf.where(hidden[:, None], 0.0, raters) if self.reads_raters else raters
        interaction = self.interaction(
            self.user_vector(user, history, content), self.item_vector(item, rows, raters), training=training
        )
        return self.mean + self.user_biases(user) + content_bias + self.item_biases(item, rows) + interaction

    def compute_loss(self, inputs: Batch, training: bool = False) -> Any:
        """Mean squared error of the batch; RMSE and MAE of the clipped prediction outside of training."""
        predictions = self(inputs, training=training)
        if not training:
            predictions = self.clip(predictions)
        return self.task(labels=inputs.ratings, predictions=predictions, compute_metrics=not training)

    def clip(self, predictions: Any) -> Any:
        """Predictions within the range of the training ratings."""
        return tf.clip_by_value(predictions, self.lowest, self.highest)

    def pooled_raters(self, raters: Any, owner: Any, count: Any) -> Any:
        """Pooled vectors of whole lists of raters: `[total]`, `[total]`, float `[lists]` -> `[lists, dim]`."""
        sums = list_sums(self.rater_users, raters, owner, tf.size(count))
        return sums * list_scale(count)[:, None]

    def used_in_requests(self) -> list[Any]:
        """Variables that `user_vector`, `user_biases`, `interaction` and a pooled history read."""
        return [
            variable
            for variable in self.weights
            if not variable.name.startswith("item_") and variable.name.split(":")[0] != "rater_users"
        ]

    def average_of_histories(self) -> Any:
        """Mean vector of all entries of training users' histories, `[embedding_dim]`."""
        return tf.linalg.matvec(self.history_items, self._entry_shares, transpose_a=True)

    def _history(self, batch: Batch, user: Any, own: Any) -> Any:
        if not self.reads_history:
            return None
        pooled = _without_own(
            self.history_items,
            (batch.history, batch.history_owner, batch.history_count),
            batch.user_position,
            own,
            batch.in_history,
        )
        # Nothing is known of users outside of training: an average history stands for theirs (see ranker.py).
        average = self.average_of_histories() * np.sqrt(self.typical_length)
        return tf.where((user == self.unknown_user)[:, None], average, pooled)

    def _content(self, batch: Batch, training: bool) -> tuple[list[Any], Any]:
        """Features of each row's user; in training some are hidden, so that what is missing has a trained path."""
        positions, weights = batch.content, batch.content_weights
        users = tf.size(batch.users)
        if training and self._user_features:
            feature = tf.gather(self._feature_of, positions)
            drawn = self._hidden(2, tf.zeros([users * self._user_features]))
            hidden = tf.gather(drawn, batch.content_owner * self._user_features + feature)
            missing = tf.gather(self._missing_of, positions)
            positions = tf.where(hidden & (missing >= 0), missing, positions)
            weights = tf.where(hidden & (missing < 0), 0.0, weights)
        parts, biases = self.pooled_content(positions, batch.content_owner, weights, users)
        return [tf.gather(part, batch.user_position) for part in parts], tf.gather(biases, batch.user_position)

    def _raters(self, batch: Batch, own: Any) -> Any:
        if not self.reads_raters:
            return None
        return _without_own(
            self.rater_users,
            (batch.raters, batch.raters_owner, batch.raters_count),
            batch.item_position,
            own,
            batch.in_raters,
        )

    def _before_rows(self, parts: list[Any]) -> list[Any]:
        """Parts of the whole catalogue, joined early where that saves gathering each for every row."""
        return parts

    def _hidden(self, side: int, like: Any) -> Any:
        """Which ids of a training step are replaced by the unknown one: another draw each step."""
        step = tf.cast(self.optimizer.iterations, tf.int32)
        draw = tf.random.stateless_uniform(tf.shape(like), tf.stack([self._step_seed * 2 + side, step]))
        return draw < self._config.id_dropout

    def _table(self, name: str, size: int, width: int, l2: float, scale: float = _INITIAL_SCALE) -> Any:
        return self.add_weight(
            name=name,
            shape=[size, width],
            initializer=tf.keras.initializers.RandomNormal(stddev=scale, seed=self.next_seed()) if scale else "zeros",
            regularizer=tf.keras.regularizers.L2(l2 * self._l2_unit) if l2 else None,
        )

    def next_seed(self) -> int:
        """A seed of its own for everything that draws."""
        return int(self._seeds.spawn(1)[0].generate_state(1)[0] % 2**31)


def list_scale(count: Any) -> Any:
    """What a sum of `count` vectors is multiplied with: 1 / sqrt(count); 1 for an empty list."""
    return tf.math.rsqrt(tf.maximum(count, 1.0))


class _Pooled:
    """Pools one feature of all items: called with a table `[size, width]` it returns `[items, width]`."""

    def __init__(self, feature: Feature, items: int) -> None:
        self._values, self._owner = (
            tf.constant(part) for part in feature.values.select(np.arange(items, dtype=np.int32))
        )
        self._weights = tf.constant(feature.weights)
        self._items = items
        lengths = np.diff(feature.values.row_splits).astype(np.float32)
        self._scale = 1 / np.sqrt(np.maximum(lengths, 1))
        self._alike = np.allclose(feature.weights, np.repeat(self._scale, lengths.astype(np.int64)))

    def __call__(self, table: Any) -> Any:
        if self._alike:
            return list_sums(table, self._values, self._owner, self._items) * self._scale[:, None]
        vectors = self._weights[:, None] * tf.gather(table, self._values)
        return tf.math.unsorted_segment_sum(vectors, self._owner, self._items)


def _without_own(table: Any, lists: tuple[Any, Any, Any], position: Any, own: Any, is_in: Any) -> Any:
    """Pools a list for each row and leaves the row's own entry out.

    Args:
      table: `[size, dim]` vectors.
      lists: indices `[total]`, their lists `[total]` (ascending), lengths float `[lists]`.
      position: `[rows]`, list of each row.
      own: `[rows]`, the row's own index into the table.
      is_in: float `[rows]`, how often the own entry occurs in the list.
    """
    values, owner, count = lists
    sums = list_sums(table, values, owner, tf.size(count))
    rest = tf.gather(sums, position) - is_in[:, None] * tf.gather(table, own)
    return rest * list_scale(tf.gather(count, position) - is_in)[:, None]
