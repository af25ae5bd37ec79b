"""The served bundle: retrieve, drop seen, filter, rank, top n, with titles, as one TensorFlow module.

Everything between the signatures is catalogue rows (int32); strings are looked up once on the way in
and gathered once on the way out. Shapes: `B` rows, `H` history, `E` excluded, `G` genres, `n` answers.
Names of signatures, inputs and outputs are in serving/contract.py.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import tensorflow as tf

from components import features
from components.bundle.baselines import Means
from components.bundle.config import BundleConfig
from components.bundle.filters import GenreFilter, newest_last
from components.bundle.first_stage import FirstStage
from components.bundle.known import KnownUsers
from components.examples import Catalogue, Strings
from components.index.search import BLOCK, LOWEST
from serving import contract

UNKNOWN = -1


@dataclasses.dataclass(frozen=True, kw_only=True)
class Answer:
    """Lists of `B` rows; row -1 is nothing.

    Attributes:
      rows: int32 `[B, n]`, best first.
      scores: float32 `[B, n]`, relevance.
      ratings: float32 `[B, n]`, predicted stars; 0 where the bundle predicts none.
    """

    rows: Any
    scores: Any
    ratings: Any


class Recommender(tf.Module):  # type: ignore[misc]
    """The bundle.

    Args:
      config: Order and length of lists.
      catalogue: All movies; a position is a catalogue row.
      known: Interactions of all users.
      before_test: Whether the served signatures know only what came before the test rows.
      retrieval: Loaded retrieval model.
      first_stage: Candidates for a history.
      index: Loaded candidate index.
      ranker: Loaded ranking model; None for data without ratings.
      genres: Which movies belong to a genre.
      means: The rating baseline, users in the order of `known`.
      list_length: Length of the lists that `evaluate` returns.
    """

    def __init__(
        self,
        config: BundleConfig,
        catalogue: Catalogue,
        known: KnownUsers,
        before_test: bool,
        retrieval: Any,
        first_stage: FirstStage,
        index: Any,
        ranker: Any,
        genres: GenreFilter,
        means: Means,
        list_length: int,
    ) -> None:
        super().__init__(name="recommender")
        self._config = config
        self._first_stage = first_stage
        self._retrieval = retrieval
        self._history_length = int(retrieval.history_length)
        self._index = index
        self._ranker = ranker
        self._genres = genres
        self._list_length = list_length
        self._movie_ids = _constant(_strings(catalogue.movie_ids), "movie_ids")
        self._titles = _constant(_strings(catalogue.titles), "titles")
        self._movie_rows = _lookup(catalogue.movie_ids)
        self._user_rows = _lookup(known.user_ids)
        lists = known.interactions
        visible = known.before_test if before_test else np.diff(lists.row_splits).astype(np.int32)
        self._known_rows = _constant(lists.rows, "known_rows")
        self._known_ratings = _constant(lists.ratings, "known_ratings")
        self._known_starts = _constant(np.append(lists.row_splits[:-1], 0), "known_starts")
        self._known_lengths = _constant(np.append(visible, 0), "known_lengths")  # the last user is nobody
        self._mean = _constant(np.float32(means.mean), "mean")
        users = np.zeros(len(known.user_ids) + 1, np.float32)
        users[: len(means.users)] = means.users
        self._user_means = _constant(users, "user_means")
        self._movie_means = _constant(np.append(means.movies, np.float32(0)), "movie_means")
        self._norms = _constant(self._candidate_norms(len(catalogue)), "candidate_norms")

    # Signatures. TensorFlow wants the receiver of a decorated method to be called `self`.

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name=contract.USER_ID)], autograph=False)
    def serving_default(self, user_id: Any) -> dict[str, Any]:
        """The common question: movies for a user."""
        empty = _nothing(user_id, tf.string)
        return self._recommend(
            user_id, empty, _nothing(user_id, tf.float32), empty, empty, tf.zeros_like(user_id, tf.int32)
        )

    @tf.function(
        input_signature=[
            tf.TensorSpec([None], tf.string, name=contract.USER_ID),
            tf.TensorSpec([None, None], tf.string, name=contract.HISTORY_MOVIE_IDS),
            tf.TensorSpec([None, None], tf.float32, name=contract.HISTORY_RATINGS),
            tf.TensorSpec([None, None], tf.string, name=contract.EXCLUDE_MOVIE_IDS),
            tf.TensorSpec([None, None], tf.string, name=contract.GENRES),
            tf.TensorSpec([None], tf.int32, name=contract.N),
        ],
        autograph=False,
    )
    def recommend(
        self, user_id: Any, history_movie_ids: Any, history_ratings: Any, exclude_movie_ids: Any, genres: Any, n: Any
    ) -> dict[str, Any]:
        """The full question."""
        return self._recommend(user_id, history_movie_ids, history_ratings, exclude_movie_ids, genres, n)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name=contract.USER_ID)], autograph=False)
    def retrieve(self, user_id: Any) -> dict[str, Any]:
        """The first stage alone."""
        known, _ = self._known(self._user_rows.lookup(user_id))
        k = tf.constant(self._config.retrieve_n)
        rows, scores = self._first_stage.best(known[:, -self._history_length :], known, _nothing(user_id, tf.int32), k)
        return {
            contract.MOVIE_IDS: self._take(self._movie_ids, rows),
            contract.SCORES: tf.where(rows >= 0, scores, 0.0),
            contract.COUNT: _count(rows),
        }

    @tf.function(
        input_signature=[
            tf.TensorSpec([None], tf.string, name=contract.USER_ID),
            tf.TensorSpec([None], tf.string, name=contract.MOVIE_ID),
        ],
        autograph=False,
    )
    def rank(self, user_id: Any, movie_id: Any) -> dict[str, Any]:
        """The predicted rating of a user for a movie; 0 where the bundle predicts none."""
        history, ratings = self._known(self._user_rows.lookup(user_id))
        rows = self._movie_rows.lookup(movie_id)[:, tf.newaxis]
        predicted = self._rate(user_id, history[:, -self._history_length :], ratings[:, -self._history_length :], rows)
        return {contract.PREDICTED_RATING: predicted[:, 0]}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name=contract.MOVIE_ID)], autograph=False)
    def similar(self, movie_id: Any) -> dict[str, Any]:
        """Movies whose vectors point the same way (cosine, popularity left out), the movie itself left out."""
        rows = self._movie_rows.lookup(movie_id)
        vectors = self._index.vectors(tf.maximum(rows, 0)) * self._retrieval.direction
        scores = self._index.exact_scores(tf.math.l2_normalize(vectors, axis=1))
        scores = tf.where(self._norms > 0, scores / tf.maximum(self._norms, 1e-12), LOWEST)
        own = tf.one_hot(rows, tf.shape(scores)[1], on_value=True, off_value=False)
        found = self._index.exact_best(tf.where(own, LOWEST, scores), tf.constant(self._config.default_n))
        similar = tf.where(rows[:, tf.newaxis] >= 0, found["rows"], UNKNOWN)
        return {
            contract.MOVIE_IDS: self._take(self._movie_ids, similar),
            contract.TITLES: self._take(self._titles, similar),
            contract.SCORES: tf.where(similar >= 0, found["scores"], 0.0),
            contract.COUNT: _count(similar),
        }

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name=contract.USER_ID)], autograph=False)
    def history(self, user_id: Any) -> dict[str, Any]:
        """What the bundle knows of a user, newest first."""
        rows, ratings = self._known(self._user_rows.lookup(user_id))
        rows, ratings = rows[:, ::-1], ratings[:, ::-1]
        return {
            contract.MOVIE_IDS: self._take(self._movie_ids, rows),
            contract.TITLES: self._take(self._titles, rows),
            contract.RATINGS: tf.where(rows >= 0, ratings, 0.0),
            contract.COUNT: _count(rows),
        }

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name=contract.EXAMPLES)], autograph=False)
    def evaluate(self, examples: Any) -> dict[str, Any]:
        """Answers the rows of a held-out split from what the rows themselves say of the past.

        Lists are computed for marked rows only and are empty for the others.
        """
        rows = tf.io.parse_example(examples, _EVALUATED_FEATURES)
        history = self._movie_rows.lookup(rows[features.HISTORY_MOVIE_IDS].to_tensor(""))
        ratings = rows[features.HISTORY_RATINGS].to_tensor(0.0)
        history, ratings = newest_last(history, ratings)
        marked = tf.cast(tf.where(rows[features.HELD_OUT_MOVIE_IDS].row_lengths() > 0)[:, 0], tf.int32)
        seen = self._movie_rows.lookup(tf.gather(rows[features.SEEN_MOVIE_IDS], marked).to_tensor(""))
        answer = self._answer(
            tf.gather(rows[features.USER_ID], marked),
            tf.gather(history, marked)[:, -self._history_length :],
            tf.gather(ratings, marked)[:, -self._history_length :],
            seen,
            _nothing(marked, tf.int32),
            tf.constant(self._list_length),
        )
        popular, _ = self._first_stage.popular(seen, tf.constant(self._list_length))
        movie = self._movie_rows.lookup(rows[features.MOVIE_ID])
        user = self._user_rows.lookup(rows[features.USER_ID])
        return {
            contract.MOVIE_IDS: self._scattered(answer.rows, marked, examples),
            contract.POPULAR_MOVIE_IDS: self._scattered(popular, marked, examples),
            contract.PREDICTED_RATING: self._rate(
                rows[features.USER_ID],
                history[:, -self._history_length :],
                ratings[:, -self._history_length :],
                movie[:, tf.newaxis],
            )[:, 0],
            contract.BASELINE_RATING: self._mean
            + tf.gather(self._user_means, tf.where(user >= 0, user, tf.size(self._user_means) - 1))
            + tf.gather(self._movie_means, tf.where(movie >= 0, movie, tf.size(self._movie_means) - 1)),
        }

    # Steps of an answer.

    def _recommend(
        self, user_id: Any, history_ids: Any, history_ratings: Any, exclude_ids: Any, genres: Any, n: Any
    ) -> dict[str, Any]:
        asked_rows = self._movie_rows.lookup(history_ids)
        asked_ratings = _as_wide(history_ratings, asked_rows)
        asked_rows, asked_ratings = newest_last(asked_rows, asked_ratings)
        known_rows, known_ratings = self._known(self._user_rows.lookup(user_id))
        asked = tf.reduce_any(asked_rows >= 0, axis=1)
        history, ratings = _chosen(asked, (asked_rows, asked_ratings), (known_rows, known_ratings))
        excluded = self._movie_rows.lookup(exclude_ids)
        n = tf.where(n <= 0, self._config.default_n, tf.minimum(n, contract.MAX_N))
        answer = self._answer(
            user_id,
            history[:, -self._history_length :],
            ratings[:, -self._history_length :],
            tf.concat([known_rows, asked_rows, excluded], axis=1),
            self._genres.lookup(genres),
            tf.reduce_max(tf.concat([n, [1]], axis=0)),
        )
        within = tf.range(tf.shape(answer.rows)[1])[tf.newaxis] < n[:, tf.newaxis]
        rows = tf.where(within, answer.rows, UNKNOWN)
        known = tf.reduce_any(known_rows >= 0, axis=1)
        source = tf.where(known, contract.FROM_MODEL, contract.FROM_POPULARITY)
        return {
            contract.MOVIE_IDS: self._take(self._movie_ids, rows),
            contract.TITLES: self._take(self._titles, rows),
            contract.SCORES: tf.where(rows >= 0, answer.scores, 0.0),
            contract.PREDICTED_RATINGS: tf.where(rows >= 0, answer.ratings, 0.0),
            contract.COUNT: _count(rows),
            contract.SOURCE: tf.where(asked, contract.FROM_HISTORY, source),
        }

    def _answer(self, user_id: Any, history: Any, ratings: Any, left_out: Any, genres: Any, n: Any) -> Answer:
        """The n best movies: candidates by relevance, then in the configured order."""
        by_relevance = self._config.order == "relevance"
        k = n if by_relevance else tf.maximum(n, self._config.rank_candidates)
        rows, scores = self._first_stage.best(history, left_out, genres, k)
        predicted = self._rate(user_id, history, ratings, rows)
        if not by_relevance:
            weight = self._config.blend_weight
            value = predicted if self._config.order == "stars" else scores + weight * predicted
            order = tf.math.top_k(tf.where(rows >= 0, value, LOWEST), n).indices
            rows, scores, predicted = (tf.gather(t, order, batch_dims=1) for t in (rows, scores, predicted))
        return Answer(rows=rows, scores=scores, ratings=predicted)

    def _rate(self, user_id: Any, history: Any, ratings: Any, rows: Any) -> Any:
        """Predicted stars float32 of catalogue rows int32 `[B, n]`."""
        if self._ranker is None:
            return tf.zeros_like(rows, tf.float32)
        predicted = self._ranker.predict(user_id, history, ratings, rows)
        return predicted["predicted_rating"]

    def _known(self, users: Any) -> tuple[Any, Any]:
        """Rows int32 and ratings float32 `[B, longest]` of users (-1 = nobody), oldest first, -1 in front."""
        users = tf.where(users >= 0, users, tf.size(self._known_lengths) - 1)
        lengths = tf.gather(self._known_lengths, users)
        longest = tf.reduce_max(tf.concat([lengths, [0]], axis=0))
        offset = tf.range(longest)[tf.newaxis] - (longest - lengths)[:, tf.newaxis]
        at = tf.gather(self._known_starts, users)[:, tf.newaxis] + tf.cast(tf.maximum(offset, 0), tf.int64)
        at = tf.minimum(at, tf.size(self._known_rows, tf.int64) - 1)
        rows = tf.where(offset >= 0, tf.gather(self._known_rows, at), UNKNOWN)
        return rows, tf.where(offset >= 0, tf.gather(self._known_ratings, at), 0.0)

    def _take(self, strings: Any, rows: Any) -> Any:
        return tf.where(rows >= 0, tf.gather(strings, tf.maximum(rows, 0)), "")

    def _scattered(self, rows: Any, marked: Any, examples: Any) -> Any:
        """Movie ids `[B, list_length]` of answers to the marked rows, "" for the others."""
        shape = tf.stack([tf.size(examples), self._list_length])
        found = tf.tensor_scatter_nd_update(tf.fill(shape, UNKNOWN), marked[:, tf.newaxis], rows)
        return self._take(self._movie_ids, found)

    def _candidate_norms(self, movies: int) -> Any:
        """Lengths of all candidate vectors without their biases, float32 `[N + padding]`; 0 in the padding."""
        vectors = self._index.vectors(tf.range(movies)) * self._retrieval.direction
        norms = tf.norm(vectors, axis=1).numpy()
        return np.pad(norms, (0, -movies % BLOCK))


_EVALUATED_FEATURES = {
    features.USER_ID: tf.io.FixedLenFeature([], tf.string),
    features.MOVIE_ID: tf.io.FixedLenFeature([], tf.string),
    features.HISTORY_MOVIE_IDS: tf.io.RaggedFeature(tf.string),
    features.HISTORY_RATINGS: tf.io.RaggedFeature(tf.float32),
    features.SEEN_MOVIE_IDS: tf.io.RaggedFeature(tf.string),
    features.HELD_OUT_MOVIE_IDS: tf.io.RaggedFeature(tf.string),
}


def _as_wide(ratings: Any, rows: Any) -> Any:
    """Ratings brought to the width of `rows`: 0 (not rated) where the request gives none."""
    missing = tf.maximum(tf.shape(rows)[1] - tf.shape(ratings)[1], 0)
    return tf.pad(ratings, [[0, 0], [0, missing]])[:, : tf.shape(rows)[1]]


def _chosen(condition: Any, one: tuple[Any, Any], other: tuple[Any, Any]) -> tuple[Any, Any]:
    """Rows and ratings of `one` where the condition holds, else of `other`; padding in front."""
    width = tf.maximum(tf.shape(one[0])[1], tf.shape(other[0])[1])

    def widen(pair: tuple[Any, Any]) -> tuple[Any, Any]:
        missing = [[0, 0], [width - tf.shape(pair[0])[1], 0]]
        return tf.pad(pair[0], missing, constant_values=UNKNOWN), tf.pad(pair[1], missing)

    (rows, ratings), (other_rows, other_ratings) = widen(one), widen(other)
    picked = condition[:, tf.newaxis]
    return tf.where(picked, rows, other_rows), tf.where(picked, ratings, other_ratings)


def _nothing(rows: Any, dtype: Any) -> Any:
    """An empty list for every row, `[B, 0]`."""
    return tf.zeros([tf.shape(rows)[0], 0], dtype) if dtype != tf.string else tf.fill([tf.shape(rows)[0], 0], "")


def _count(rows: Any) -> Any:
    return tf.reduce_sum(tf.cast(rows >= 0, tf.int32), axis=1)


def _constant(value: Any, name: str) -> Any:
    return tf.Variable(value, trainable=False, name=name)


def _strings(values: Strings) -> Any:
    return tf.constant(values.tolist(), tf.string)


def _lookup(keys: Strings) -> Any:
    """A table from id to position; UNKNOWN for "" and for every id that is not there."""
    values = tf.range(len(keys), dtype=tf.int32)
    return tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(_strings(keys), values), UNKNOWN)
