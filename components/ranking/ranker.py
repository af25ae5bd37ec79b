"""The exported rating model: a plain TensorFlow module that rates catalogue rows for requests.

Everything that does not depend on the request is computed at export: the vector and the bias of
each item, with its id, raters and features. So a request costs gathers and the architecture's
interaction. What depends on the user alone is a vector too, which the bundle computes once for every
known user (`encode_users`, `rate`). It holds variables and functions, never the Keras model, and is
saved by `tf.saved_model.save`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from components import features
from components.ranking.config import RankingConfig
from components.ranking.known_ratings import KnownRatings
from components.ranking.rating_model import RatingModel, list_scale
from components.transform.graph import column

PREDICT = "predict"
USER_ID = "user_id"
HISTORY_ROWS = "history_rows"
HISTORY_RATINGS = "history_ratings"
USER_POSITIONS = "user_positions"
USER_WEIGHTS = "user_weights"
ITEM_ROWS = "item_rows"
PREDICTED_RATING = "predicted_rating"
USERS = "users"

USER_INPUTS = (
    tf.TensorSpec([None], tf.string, USER_ID),
    tf.TensorSpec([None, None], tf.int32, HISTORY_ROWS),
    tf.TensorSpec([None, None], tf.float32, HISTORY_RATINGS),
    tf.TensorSpec([None, None], tf.int32, USER_POSITIONS),
    tf.TensorSpec([None, None], tf.float32, USER_WEIGHTS),
)
"""What is told of users, whatever is asked of them."""

_PADDING = -1
_ITEMS_AT_ONCE = 8192


class Ranker(tf.Module):  # type: ignore[misc]
    """Rates items for users, known or not, from their history.

    Args:
      models: Models trained with different seeds; their ratings are averaged.
      user_lookup: Takes `{"user_id": SparseTensor of strings [batch, 1]}` and returns
        `{"user_index": SparseTensor of int64 [batch, 1]}`, for instance the transform graph as a layer.
      known: The training rows.
      config: Settings of the training.

    Attributes:
      history_length: int32 scalar, most recent interactions that are read; callers need not hand over more.
      reads_users: bool scalar: whether features of users have a part in a rating.
    """

    def __init__(self, models: list[RatingModel], user_lookup: Any, known: KnownRatings, config: RankingConfig) -> None:
        super().__init__()
        self._user_lookup = user_lookup
        self._scorers = [_Scorer(model, known) for model in models]
        self._products = _Products(self._scorers) if models[0].is_inner_product else None
        self._unknown_user = models[0].unknown_user
        self._unknown_item = models[0].unknown_item
        # The vocabulary holds users whom no training row has told of: to the model they are unknown.
        trained = np.full(known.known_users + 1, self._unknown_user, np.int32)
        trained[known.user_index] = known.user_index
        self._trained_users = tf.Variable(trained, trainable=False)
        self._range = (models[0].lowest, models[0].highest)
        self._history_length = config.history_length
        self.history_length = tf.Variable(config.history_length, trainable=False)
        self.reads_users = tf.Variable(models[0].reads_users, trainable=False)
        self._damping = config.l2_biases * config.l2_share(len(known.rows))
        self._items = len(models[0].item_index)
        # One index more for padding, so that -1 needs no case of its own.
        self._item_index = tf.Variable(
            np.append(models[0].item_index, self._unknown_item).astype(np.int32), trainable=False
        )

    @tf.function(
        input_signature=[
            *USER_INPUTS,
            tf.TensorSpec([None, None], tf.int32, ITEM_ROWS),
        ],
        autograph=False,
    )
    def predict(
        self,
        user_id: Any,
        history_rows: Any,
        history_ratings: Any,
        user_positions: Any,
        user_weights: Any,
        item_rows: Any,
    ) -> dict[str, Any]:
        """Predicted ratings.

        An item's rating never reads the item's own place in the history. A user unknown to
        training gets a bias folded in from the rated history: with b the bias of the unknown user,

            b + sum(rating - mean - b - item bias) / (rated items + damping),

        which is the ridge solution with the L2 of the trained biases as damping. A history of such a user that is
        shorter than those of training users counts as if average items made up the rest.

        Args:
          user_id: string `[batch]`; an id without training rows, "" among them, is an unknown user.
          history_rows: int32 `[batch, history]`, catalogue rows, oldest first; -1 anywhere is
            ignored, and so is all but the last `history_length`. `[batch, 0]` is allowed.
          history_ratings: float32 `[batch, history]`, stars, cut to the range of the training ratings;
            NaN = not rated.
          user_positions: int32 `[batch, P]`, content of the users' features, -1 = padding; `[batch, 0]` is allowed.
          user_weights: float32 `[batch, P]`.
          item_rows: int32 `[batch, candidates]`, catalogue rows to rate; -1 gets some finite value.

        Returns:
          `{"predicted_rating": float32 [batch, candidates]}`, within the range of the training ratings.
        """
        user = self._users(user_id)
        present = self._read(history_rows)
        history_rows = tf.where(present, history_rows, _PADDING)
        own = tf.logical_and(
            item_rows[:, :, None] == history_rows[:, None, :],
            (self._index(history_rows) < self._unknown_item)[:, None],
        )
        in_history = tf.reduce_sum(tf.cast(own, tf.float32), axis=2)
        contents = [scorer.content(user_positions, user_weights) for scorer in self._scorers]
        shifts = self._shifts(user, history_rows, history_ratings, contents)
        total = tf.zeros_like(item_rows, tf.float32)
        for scorer, shift, content in zip(self._scorers, shifts, contents, strict=True):
            total += shift[:, None] + scorer.scores(
                user, self._index(history_rows), self._place(item_rows), self._index(item_rows), in_history, content
            )
        return {PREDICTED_RATING: tf.clip_by_value(total / len(self._scorers), *self._range)}

    @tf.function(
        input_signature=USER_INPUTS,
        autograph=False,
    )
    def encode_users(
        self, user_id: Any, history_rows: Any, history_ratings: Any, user_positions: Any, user_weights: Any
    ) -> Any:
        """All that `rate` needs to know of users, float32 `[batch, width]`; arguments as of `predict`."""
        user = self._users(user_id)
        history_rows = tf.where(self._read(history_rows), history_rows, _PADDING)
        contents = [scorer.content(user_positions, user_weights) for scorer in self._scorers]
        shifts = self._shifts(user, history_rows, history_ratings, contents)
        history = self._index(history_rows)
        sides = [
            scorer.user_side(user, history, shift, content)
            for scorer, shift, content in zip(self._scorers, shifts, contents, strict=True)
        ]
        if self._products is not None:
            sides = [tf.concat([side, tf.ones_like(side[:, :1])], axis=1) for side in sides]
        return tf.concat(sides, axis=1)

    @tf.function(
        input_signature=[
            tf.TensorSpec([None, None], tf.float32, USERS),
            tf.TensorSpec([None, None], tf.int32, ITEM_ROWS),
        ],
        autograph=False,
    )
    def rate(self, users: Any, item_rows: Any) -> Any:
        """Predicted ratings of items that are in none of the histories: what `predict` says of them.

        Args:
          users: float32 `[batch, width]`, from `encode_users`.
          item_rows: int32 `[batch, candidates]`, catalogue rows; a negative one gets some finite value.

        Returns:
          float32 `[batch, candidates]`, within the range of the training ratings.
        """
        places = tf.where(item_rows < 0, self._items, item_rows)
        if self._products is not None:
            return tf.clip_by_value(self._products.scores(users, places), *self._range)
        sides = tf.split(users, len(self._scorers), axis=1)
        scores = [scorer.rated(side, places) for scorer, side in zip(self._scorers, sides, strict=True)]
        return tf.clip_by_value(tf.add_n(scores) / len(scores), *self._range)

    def _users(self, user_id: Any) -> Any:
        return tf.gather(self._trained_users, self._user_lookup({USER_ID: column(user_id)})[features.USER_INDEX].values)

    def _shifts(self, user: Any, history_rows: Any, history_ratings: Any, contents: list[_Told]) -> list[Any]:
        """What the ratings of the history add to each model's bias of an unknown user, `[batch]`; 0 for known ones."""
        rated = tf.logical_and(history_rows >= 0, tf.math.is_finite(history_ratings))
        ratings = tf.where(rated, history_ratings, 0.0)  # what is not rated must not make a NaN of a sum
        places, ratings = self._place(history_rows), tf.clip_by_value(ratings, *self._range)
        return [
            tf.where(user == self._unknown_user, scorer.bias_shift(places, ratings, rated, self._damping, told), 0.0)
            for scorer, told in zip(self._scorers, contents, strict=True)
        ]

    def _read(self, history_rows: Any) -> Any:
        """Which places of the history are read: real ones, the last `history_length` of them."""
        real = self._listed(history_rows)
        from_end = tf.cumsum(tf.cast(real, tf.int32), axis=1, reverse=True)
        return tf.logical_and(real, from_end <= self._history_length)

    def _listed(self, rows: Any) -> Any:
        """Which rows are of the catalogue; all others count as padding, since one bad row must not fail a batch."""
        return tf.logical_and(rows >= 0, rows < self._items)

    def _place(self, rows: Any) -> Any:
        """Rows with padding moved to the place behind the catalogue."""
        return tf.where(self._listed(rows), rows, self._items)

    def _index(self, rows: Any) -> Any:
        return tf.gather(self._item_index, self._place(rows))


class _Told(NamedTuple):
    """What the features of users come to: a vector `[batch, dim]` a feature, and stars above the mean `[batch]`."""

    vectors: list[Any]
    biases: Any


class _Scorer(tf.Module):  # type: ignore[misc]
    """One trained model with the items' vectors and biases worked out.

    A vector and a bias of zero stand behind the catalogue, for padding.
    """

    def __init__(self, model: RatingModel, known: KnownRatings) -> None:
        super().__init__()
        vectors, biases = _item_side(model, known)
        self._vectors = tf.Variable(np.pad(vectors, [(0, 1), (0, 0)]), trainable=False)
        self._biases = tf.Variable(np.pad(biases, [(0, 1)]), trainable=False)
        self._mean = model.mean
        self._unknown_item = model.unknown_item
        self._unknown_user = model.unknown_user
        if model.reads_history:
            self._typical_length = model.typical_length
            self._average_item = tf.constant(model.average_of_histories().numpy())
        self._unknown_bias = float(model.user_biases(model.unknown_user))
        # Functions of the model are used, and its variables kept here by hand: a Keras model as an
        # attribute would be saved the Keras way.
        self._weights = model.used_in_requests()
        self._functions = _Untracked(model)
        nobody = tf.zeros([0, 0], tf.int32)
        told = self.content(nobody, tf.zeros([0, 0]))
        self._width = self.user_side(tf.zeros([0], tf.int32), nobody, tf.zeros([0]), told).shape[1]

    def content(self, positions: Any, weights: Any) -> _Told:
        """What the features of users come to: padded positions int32 and weights float32 `[batch, P]`."""
        there = tf.where(positions >= 0)
        return _Told(
            *self._functions.model.pooled_content(
                tf.gather_nd(positions, there),
                tf.cast(there[:, 0], tf.int32),
                tf.gather_nd(weights, there),
                tf.shape(positions)[0],
            )
        )

    def scores(self, user: Any, history: Any, places: Any, item_index: Any, in_history: Any, content: _Told) -> Any:
        """Ratings, not clipped.

        Args:
          user: int32 `[batch]` user indices.
          history: int32 `[batch, history]` item indices; the unknown one is ignored.
          places: int32 `[batch, candidates]` catalogue rows.
          item_index: int32 `[batch, candidates]` their item indices.
          in_history: float `[batch, candidates]`, how often each occurs in the history.
          content: What the features of the users come to.
        """
        model = self._functions.model
        pooled = None
        if model.reads_history:
            known = tf.cast(history < self._unknown_item, tf.float32)
            vectors = tf.gather(model.history_items, history)
            sums = tf.reduce_sum(vectors * known[:, :, None], axis=1)[:, None]
            rest = sums - in_history[:, :, None] * tf.gather(model.history_items, item_index)
            counts = tf.reduce_sum(known, axis=1)[:, None] - in_history
            pooled = self._pooled(rest, counts, user[:, None])
        users = tf.broadcast_to(user[:, None], tf.shape(places))
        told = [tf.repeat(part[:, None], tf.shape(places)[1], axis=1) for part in content.vectors]
        interaction = model.interaction(model.user_vector(users, pooled, told), tf.gather(self._vectors, places))
        biases = model.user_biases(users) + content.biases[:, None]
        return self._mean + biases + tf.gather(self._biases, places) + interaction

    def user_side(self, user: Any, history: Any, shift: Any, content: _Told) -> Any:
        """Vector of a user with the whole history and, last, all biases but the item's, `[batch, width + 1]`."""
        model = self._functions.model
        pooled = None
        if model.reads_history:
            known = tf.cast(history < self._unknown_item, tf.float32)
            sums = tf.reduce_sum(tf.gather(model.history_items, history) * known[:, :, None], axis=1)
            pooled = self._pooled(sums, tf.reduce_sum(known, axis=1), user)
        bias = self._mean + model.user_biases(user) + content.biases + shift
        return tf.concat([model.user_vector(user, pooled, content.vectors), bias[:, None]], axis=1)

    def _pooled(self, sums: Any, counts: Any, user: Any) -> Any:
        """Pools histories, `[...]` users and counts, `[..., dim]` sums of vectors.

        The unknown user learned its vector beside whole histories of training users. So where an
        unknown user has a shorter one than they have on average, average items make up the rest:
        what the history says counts the less the shorter it is, and an empty one is an average one.
        """
        missing = tf.where(user == self._unknown_user, tf.maximum(self._typical_length - counts, 0.0), 0.0)
        return (sums + missing[..., None] * self._average_item) * list_scale(counts + missing)[..., None]

    def rated(self, side: Any, places: Any) -> Any:
        """Ratings `[batch, candidates]`, not clipped, of users as `user_side` returns them."""
        items = tf.gather(self._vectors, places)
        side = tf.ensure_shape(side, [None, self._width])
        users = tf.tile(side[:, None, :-1], [1, tf.shape(places)[1], 1])
        return side[:, -1:] + tf.gather(self._biases, places) + self._functions.model.interaction(users, items)

    def item_side(self) -> Any:
        """What meets `[user_side, 1]` in an inner product: `[vector, 1, bias]` of every item."""
        biases = self._biases.numpy()[:, None]
        return np.concatenate([self._vectors.numpy(), np.ones_like(biases), biases], axis=1)

    def bias_shift(self, places: Any, ratings: Any, rated: Any, damping: float, content: _Told) -> Any:
        """What a rated history adds to an unknown user's bias, `[batch]`."""
        weights = tf.cast(rated, tf.float32)
        bias = self._unknown_bias + content.biases[:, None]
        errors = ratings - self._mean - bias - tf.gather(self._biases, places)
        total = tf.reduce_sum(tf.where(rated, errors, 0.0), axis=1)
        return tf.math.divide_no_nan(total, tf.reduce_sum(weights, axis=1) + damping)


class _Products(tf.Module):  # type: ignore[misc]
    """Models whose rating is an inner product: their mean is a single one over vectors side by side."""

    def __init__(self, scorers: list[_Scorer]) -> None:
        super().__init__()
        table = np.concatenate([scorer.item_side() for scorer in scorers], axis=1) / len(scorers)
        self._table = tf.Variable(table.astype(np.float32), trainable=False)

    def scores(self, users: Any, places: Any) -> Any:
        """Ratings `[batch, candidates]`, not clipped, of users float32 `[batch, width]`."""
        return tf.linalg.matvec(tf.gather(self._table, places), users)


class _Untracked:
    """Holds a Keras model where TensorFlow's object tracking does not see it."""

    def __init__(self, model: RatingModel) -> None:
        self.model = model


def save(ranker: Ranker, folder: str) -> None:
    """Writes the ranker as a SavedModel with the signature `predict`."""
    tf.saved_model.save(ranker, folder, signatures={PREDICT: ranker.predict})


def _item_side(model: RatingModel, known: KnownRatings) -> tuple[Any, Any]:
    """Vectors `[items, width]` and biases `[items]` of the whole catalogue, each with all its raters."""
    vectors, biases = [], []
    for start in range(0, len(known.raters), _ITEMS_AT_ONCE):
        rows = np.arange(start, min(start + _ITEMS_AT_ONCE, len(known.raters)), dtype=np.int32)
        index = model.item_index[rows]
        raters = None
        if model.reads_raters:
            values, owner = known.raters.select(rows)
            count = np.bincount(owner, minlength=len(rows)).astype(np.float32)
            raters = model.pooled_raters(values, owner, count)
        vectors.append(model.item_vector(index, rows, raters).numpy())
        biases.append(model.item_biases(index, rows).numpy())
    return np.concatenate(vectors), np.concatenate(biases)
