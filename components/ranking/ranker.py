"""The exported rating model: a plain TensorFlow module that rates catalogue rows for requests.

Everything that does not depend on the request is computed at export: the vector and the bias of
each movie, with its id, raters, genres and era. So a request costs gathers and the architecture's
interaction. It holds variables and functions, never the Keras model, and is saved by
`tf.saved_model.save`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from components import features
from components.ranking.config import RankingConfig
from components.ranking.known_ratings import KnownRatings
from components.ranking.rating_model import RatingModel, list_scale

PREDICT = "predict"
USER_ID = "user_id"
HISTORY_ROWS = "history_rows"
HISTORY_RATINGS = "history_ratings"
MOVIE_ROWS = "movie_rows"
PREDICTED_RATING = "predicted_rating"

_PADDING = -1
_MOVIES_AT_ONCE = 8192


class Ranker(tf.Module):  # type: ignore[misc]
    """Rates movies for users, known or not, from their history.

    Args:
      models: Models trained with different seeds; their ratings are averaged.
      user_lookup: Takes `{"user_id": string [batch]}` and returns `{"user_index": int64 [batch]}`,
        for instance the transform graph as a layer.
      known: The training rows.
      config: Settings of the training.
    """

    def __init__(self, models: list[RatingModel], user_lookup: Any, known: KnownRatings, config: RankingConfig) -> None:
        super().__init__()
        self._user_lookup = user_lookup
        self._scorers = [_Scorer(model, known) for model in models]
        self._unknown_user = models[0].unknown_user
        self._unknown_movie = models[0].unknown_movie
        self._range = (models[0].lowest, models[0].highest)
        self._history_length = config.history_length
        self._damping = config.l2_biases
        self._movies = len(models[0].movie_index)
        # One index more for padding, so that -1 needs no case of its own.
        self._movie_index = tf.Variable(
            np.append(models[0].movie_index, self._unknown_movie).astype(np.int32), trainable=False
        )

    @tf.function(
        input_signature=[
            tf.TensorSpec([None], tf.string, USER_ID),
            tf.TensorSpec([None, None], tf.int32, HISTORY_ROWS),
            tf.TensorSpec([None, None], tf.float32, HISTORY_RATINGS),
            tf.TensorSpec([None, None], tf.int32, MOVIE_ROWS),
        ],
        autograph=False,
    )
    def predict(self, user_id: Any, history_rows: Any, history_ratings: Any, movie_rows: Any) -> dict[str, Any]:
        """Predicted ratings.

        A movie's rating never reads the movie's own place in the history. A user unknown to
        training gets a bias folded in from the rated history: with b the bias of the unknown user,

            b + sum(rating - mean - b - movie bias) / (rated movies + damping),

        which is the ridge solution with the L2 of the trained biases as damping.

        Args:
          user_id: string `[batch]`; an id without training rows, "" among them, is an unknown user.
          history_rows: int32 `[batch, history]`, catalogue rows, oldest first; -1 anywhere is
            ignored, and so is all but the last `history_length`. `[batch, 0]` is allowed.
          history_ratings: float32 `[batch, history]`, stars, cut to the range of the training ratings;
            0 = not rated.
          movie_rows: int32 `[batch, candidates]`, catalogue rows to rate; -1 gets some finite value.

        Returns:
          `{"predicted_rating": float32 [batch, candidates]}`, within the range of the training ratings.
        """
        user = tf.cast(tf.reshape(self._user_lookup({USER_ID: user_id})[features.USER_INDEX], [-1]), tf.int32)
        present = self._read(history_rows)
        history_rows = tf.where(present, history_rows, _PADDING)
        own = tf.logical_and(
            movie_rows[:, :, None] == history_rows[:, None, :],
            (self._index(history_rows) < self._unknown_movie)[:, None],
        )
        in_history = tf.reduce_sum(tf.cast(own, tf.float32), axis=2)
        rated = tf.logical_and(present, history_ratings > 0)
        history_ratings = tf.clip_by_value(history_ratings, *self._range)
        unknown = user == self._unknown_user
        total = tf.zeros_like(movie_rows, tf.float32)
        for scorer in self._scorers:
            scores = scorer.scores(
                user, self._index(history_rows), self._place(movie_rows), self._index(movie_rows), in_history
            )
            shift = scorer.bias_shift(self._place(history_rows), history_ratings, rated, self._damping)
            total += scores + tf.where(unknown, shift, 0.0)[:, None]
        return {PREDICTED_RATING: tf.clip_by_value(total / len(self._scorers), *self._range)}

    def _read(self, history_rows: Any) -> Any:
        """Which places of the history are read: real ones, the last `history_length` of them."""
        real = self._listed(history_rows)
        from_end = tf.cumsum(tf.cast(real, tf.int32), axis=1, reverse=True)
        return tf.logical_and(real, from_end <= self._history_length)

    def _listed(self, rows: Any) -> Any:
        """Which rows are of the catalogue; all others count as padding, since one bad row must not fail a batch."""
        return tf.logical_and(rows >= 0, rows < self._movies)

    def _place(self, rows: Any) -> Any:
        """Rows with padding moved to the place behind the catalogue."""
        return tf.where(self._listed(rows), rows, self._movies)

    def _index(self, rows: Any) -> Any:
        return tf.gather(self._movie_index, self._place(rows))


class _Scorer(tf.Module):  # type: ignore[misc]
    """One trained model with the movies' vectors and biases worked out.

    A vector and a bias of zero stand behind the catalogue, for padding.
    """

    def __init__(self, model: RatingModel, known: KnownRatings) -> None:
        super().__init__()
        vectors, biases = _movie_side(model, known)
        self._vectors = tf.Variable(np.pad(vectors, [(0, 1), (0, 0)]), trainable=False)
        self._biases = tf.Variable(np.pad(biases, [(0, 1)]), trainable=False)
        self._mean = model.mean
        self._unknown_movie = model.unknown_movie
        self._unknown_bias = float(model.user_biases(model.unknown_user))
        # Functions of the model are used, and its variables kept here by hand: a Keras model as an
        # attribute would be saved the Keras way.
        self._weights = model.used_in_requests()
        self._functions = _Untracked(model)

    def scores(self, user: Any, history: Any, places: Any, movie_index: Any, in_history: Any) -> Any:
        """Ratings, not clipped.

        Args:
          user: int32 `[batch]` user indices.
          history: int32 `[batch, history]` movie indices; the unknown one is ignored.
          places: int32 `[batch, candidates]` catalogue rows.
          movie_index: int32 `[batch, candidates]` their movie indices.
          in_history: float `[batch, candidates]`, how often each occurs in the history.
        """
        model = self._functions.model
        pooled = None
        if model.reads_history:
            known = tf.cast(history < self._unknown_movie, tf.float32)
            vectors = tf.gather(model.history_movies, history)
            sums = tf.reduce_sum(vectors * known[:, :, None], axis=1)[:, None]
            rest = sums - in_history[:, :, None] * tf.gather(model.history_movies, movie_index)
            counts = tf.reduce_sum(known, axis=1)[:, None] - in_history
            pooled = rest * list_scale(counts)[:, :, None]
        users = tf.broadcast_to(user[:, None], tf.shape(places))
        interaction = model.interaction(model.user_vector(users, pooled), tf.gather(self._vectors, places))
        return self._mean + model.user_biases(users) + tf.gather(self._biases, places) + interaction

    def bias_shift(self, places: Any, ratings: Any, rated: Any, damping: float) -> Any:
        """What a rated history adds to an unknown user's bias, `[batch]`."""
        weights = tf.cast(rated, tf.float32)
        errors = ratings - self._mean - self._unknown_bias - tf.gather(self._biases, places)
        total = tf.reduce_sum(tf.where(rated, errors, 0.0), axis=1)
        return tf.math.divide_no_nan(total, tf.reduce_sum(weights, axis=1) + damping)


class _Untracked:
    """Holds a Keras model where TensorFlow's object tracking does not see it."""

    def __init__(self, model: RatingModel) -> None:
        self.model = model


def save(ranker: Ranker, folder: str) -> None:
    """Writes the ranker as a SavedModel with the signature `predict`."""
    tf.saved_model.save(ranker, folder, signatures={PREDICT: ranker.predict})


def _movie_side(model: RatingModel, known: KnownRatings) -> tuple[Any, Any]:
    """Vectors `[movies, width]` and biases `[movies]` of the whole catalogue, each with all its raters."""
    vectors, biases = [], []
    for start in range(0, len(known.raters), _MOVIES_AT_ONCE):
        rows = np.arange(start, min(start + _MOVIES_AT_ONCE, len(known.raters)), dtype=np.int32)
        index = model.movie_index[rows]
        raters = None
        if model.reads_raters:
            values, owner = known.raters.select(rows)
            count = np.bincount(owner, minlength=len(rows)).astype(np.float32)
            raters = model.pooled_raters(values, owner, count)
        vectors.append(model.movie_vector(index, rows, raters).numpy())
        biases.append(model.movie_biases(index, rows).numpy())
    return np.concatenate(vectors), np.concatenate(biases)
