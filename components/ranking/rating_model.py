"""The rating model: biases, a user vector, a movie vector, and what an architecture makes of the two.

    rating = mean + user bias + movie bias + interaction(user vector, movie vector)

A user vector is made of the id and of the *implicit* history (which movies were rated, not how); a
movie vector of the id, of its raters, and of its genres and era. Lists enter as their sum divided
by the square root of their length. A training target is left out of its own history and its user
out of the movie's raters: else the model learns to recognise the row that it is to predict.

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
from components.ranking.known_ratings import KnownRatings
from components.ranking.list_sums import list_sums
from components.ranking.movie_features import ERAS, MovieFeatures

_INITIAL_SCALE = 0.05


class RatingModel(tfrs.Model):  # type: ignore[misc]
    """Predicts ratings of `Batch` rows; an architecture says how vectors are made and meet.

    Args:
      config: Settings.
      movies: Features of the catalogue.
      known: Training rows: vocabulary sizes, mean and range of the ratings.
      seed: Seed of the initial values and of what is dropped in training.
    """

    reads_history = True
    reads_raters = True
    reads_content = True
    is_inner_product = False  # whether `interaction` is the inner product of the two vectors

    def __init__(self, config: RankingConfig, movies: MovieFeatures, known: KnownRatings, seed: int) -> None:
        super().__init__()
        self._config = config
        self._l2_unit = config.l2_share(len(known.rows)) / max(1, len(known.rows))
        self._seeds = np.random.SeedSequence(seed)
        self._step_seed = seed
        self.unknown_user = known.known_users
        self.unknown_movie = movies.known_movies
        self.mean = float(np.mean(known.rows.ratings, dtype=np.float64))
        self.lowest = float(np.min(known.rows.ratings))
        self.highest = float(np.max(known.rows.ratings))
        self.movie_index = movies.movie_index
        self._movie_index = tf.constant(movies.movie_index)
        self._eras = tf.constant(movies.eras)
        self._genres, self._genre_owner = (
            tf.constant(part) for part in movies.genres.select(np.arange(len(movies), dtype=np.int32))
        )
        self._genre_scale = tf.constant(_list_scale(np.diff(movies.genres.splits).astype(np.float32)))

        users, catalogue, dim = known.known_users + 1, movies.known_movies + 1, config.embedding_dim
        self.user_bias = self._table("user_bias", users, 1, config.l2_biases, scale=0.0)
        self.movie_bias = self._table("movie_bias", catalogue, 1, config.l2_biases, scale=0.0)
        self.user_ids = self._table("user_ids", users, dim, config.l2_ids)
        self.movie_ids = self._table("movie_ids", catalogue, dim, config.l2_ids)
        if self.reads_history:
            self.history_movies = self._table("history_movies", catalogue, dim, config.l2_history)
            entries = known.histories.values
            self.typical_length = np.float32(
                len(entries) / max(1, int(np.count_nonzero(np.diff(known.histories.splits))))
            )
            self._entry_shares = tf.constant(
                np.bincount(entries, minlength=catalogue) / max(1, len(entries)), tf.float32
            )
        if self.reads_raters:
            self.rater_users = self._table("rater_users", users, dim, config.l2_history)
        if self.reads_content:
            self.genre_vectors = self._table("genres", movies.known_genres + 1, dim, config.l2_features)
            self.era_vectors = self._table("eras", ERAS, dim, config.l2_features)
            self.genre_bias = self._table("genre_bias", movies.known_genres + 1, 1, config.l2_biases, scale=0.0)
            self.era_bias = self._table("era_bias", ERAS, 1, config.l2_biases, scale=0.0)
        self.task = tfrs.tasks.Ranking(
            # Of `[rows]` it is the mean over the rows already; to be averaged over a batch is refused by tf.distribute.
            loss=tf.keras.losses.MeanSquaredError(reduction=tf.keras.losses.Reduction.NONE),
            metrics=[tf.keras.metrics.RootMeanSquaredError("rmse"), tf.keras.metrics.MeanAbsoluteError("mae")],
        )

    @abc.abstractmethod
    def join(self, parts: list[Any]) -> Any:
        """One vector `[..., width]` of the parts `[..., embedding_dim]` of a user or of a movie."""

    @abc.abstractmethod
    def interaction(self, user: Any, movie: Any, training: bool = False) -> Any:
        """What two vectors `[..., width]` add to the biases, `[...]`, in stars."""

    def user_vector(self, index: Any, history: Any) -> Any:
        """Joins a user's parts: `[...]` user indices, `[..., embedding_dim]` pooled histories."""
        return self.join([tf.gather(self.user_ids, index), *([history] if self.reads_history else [])])

    def movie_vector(self, index: Any, rows: Any, raters: Any) -> Any:
        """Joins a movie's parts.

        Args:
          index: `[...]` movie indices (the unknown one where an id is hidden).
          rows: `[...]` catalogue rows, for genres and era.
          raters: `[..., embedding_dim]` pooled raters.
        """
        parts = [tf.gather(self.movie_ids, index)]
        if self.reads_raters:
            parts.append(raters)
        if self.reads_content:
            content = [self._pooled_genres(self.genre_vectors), tf.gather(self.era_vectors, self._eras)]
            parts += [tf.gather(part, rows) for part in self._before_rows(content)]
        return self.join(parts)

    def user_biases(self, index: Any) -> Any:
        """Stars above the mean, `[...]` user indices -> `[...]`."""
        return tf.gather(self.user_bias[:, 0], index)

    def movie_biases(self, index: Any, rows: Any) -> Any:
        """Stars above the mean: `[...]` movie indices and catalogue rows -> `[...]`."""
        bias = tf.gather(self.movie_bias[:, 0], index)
        if self.reads_content:
            content = self._pooled_genres(self.genre_bias) + tf.gather(self.era_bias, self._eras)
            bias += tf.gather(content[:, 0], rows)
        return bias

    def call(self, batch: Batch, training: bool = False) -> Any:
        """Predicted ratings `[rows]`, not clipped."""
        user = true_user = tf.gather(batch.users, batch.user_position)
        rows = tf.gather(batch.movies, batch.movie_position)
        movie = true_movie = tf.gather(self._movie_index, rows)
        history, raters = self._history(batch, true_user, true_movie), self._raters(batch, true_user)
        if training:
            user = tf.where(self._hidden(0, user), self.unknown_user, user)
            hidden = self._hidden(1, movie)
            movie = tf.where(hidden, self.unknown_movie, movie)
            # A movie that training does not know has no raters either.
            raters = tf.where(hidden[:, None], 0.0, raters) if self.reads_raters else raters
        interaction = self.interaction(
            self.user_vector(user, history), self.movie_vector(movie, rows, raters), training=training
        )
        return self.mean + self.user_biases(user) + self.movie_biases(movie, rows) + interaction

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
        movie_side = ("movie_ids", "movie_bias", "rater_users", "genres", "eras", "genre_bias", "era_bias")
        return [variable for variable in self.weights if variable.name.split(":")[0] not in movie_side]

    def average_of_histories(self) -> Any:
        """Mean vector of all entries of training users' histories, `[embedding_dim]`."""
        return tf.linalg.matvec(self.history_movies, self._entry_shares, transpose_a=True)

    def _history(self, batch: Batch, user: Any, own: Any) -> Any:
        if not self.reads_history:
            return None
        pooled = _without_own(
            self.history_movies,
            (batch.history, batch.history_owner, batch.history_count),
            batch.user_position,
            own,
            batch.in_history,
        )
        # Nothing is known of users outside of training: an average history stands for theirs (see ranker.py).
        average = self.average_of_histories() * np.sqrt(self.typical_length)
        return tf.where((user == self.unknown_user)[:, None], average, pooled)

    def _raters(self, batch: Batch, own: Any) -> Any:
        if not self.reads_raters:
            return None
        return _without_own(
            self.rater_users,
            (batch.raters, batch.raters_owner, batch.raters_count),
            batch.movie_position,
            own,
            batch.in_raters,
        )

    def _before_rows(self, parts: list[Any]) -> list[Any]:
        """Parts of the whole catalogue, joined early where that saves gathering each for every row."""
        return parts

    def _pooled_genres(self, table: Any) -> Any:
        sums = list_sums(table, self._genres, self._genre_owner, self._eras.shape[0])
        return sums * self._genre_scale[:, None]

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


def _list_scale(count: Any) -> Any:
    return 1 / np.sqrt(np.maximum(count, 1))


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
