"""The served bundle: retrieve, drop seen, filter, rank, top n, with titles, as one TensorFlow module.

Everything between the signatures is catalogue rows (int32); strings are looked up once on the way in
and gathered once on the way out. Shapes: `B` rows, `H` history, `E` excluded, `A` allowed,
`F` filters, `P` content of features, `n` answers.
Names of signatures, inputs and outputs are in serving/contract.py.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from components import features
from components.baselines.means import Means
from components.best_columns import BLOCK, LOWEST
from components.bundle.config import BundleConfig
from components.bundle.filters import NEVER, PADDING, ItemFilter, lower
from components.bundle.first_stage import Asked, FirstStage, as_long
from components.bundle.ordering import blend, most_relevant_and_different
from components.bundle.sorted_lists import sorted_lists
from components.bundle.users import UserTable
from components.examples import Catalogue, Strings
from components.index.search import NOTHING, in_parts, queries_at_once
from serving import contract


@dataclasses.dataclass(frozen=True, kw_only=True)
class BatchAnswer:
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
      catalogue: All items; a position is a catalogue row.
      users: What is known of the users.
      retrieval: Loaded retrieval model.
      first_stage: Candidates for a query.
      index: Loaded candidate index.
      ranker: Loaded ranking model; None for data without ratings.
      item_filter: Which items meet a filter.
      means: The rating baseline, users in the order of `users`.
      list_length: Length of the lists that `evaluate` returns.
      scale: The least and the largest rating there is. A rating of 0 in a question means "not rated", unless 0 is on
        the scale; NaN always means it.
      liked_from: An item of a history rated below it is a dislike: it is left out of the list and pulls nothing in.
      repeats: Whether lists may hold what the history of a question tells; dislikes they never hold.
    """

    def __init__(
        self,
        config: BundleConfig,
        catalogue: Catalogue,
        users: UserTable,
        retrieval: Any,
        first_stage: FirstStage,
        index: Any,
        ranker: Any,
        item_filter: ItemFilter,
        means: Means,
        list_length: int,
        *,
        scale: tuple[float, float] = (0.5, 5.0),
        liked_from: float | None = None,
        repeats: bool = False,
    ) -> None:
        super().__init__(name="recommender")
        self._config = config
        self.users = users
        self.first_stage = first_stage
        self.retrieval = retrieval
        self._history_length = int(retrieval.history_length)
        self._rated_history = 0 if ranker is None else int(ranker.history_length)
        self.index = index
        self.ranker = ranker
        self.filter = item_filter
        self._reads_users = bool(retrieval.reads_users.numpy())
        self._reads_context = bool(retrieval.reads_context.numpy())
        self._reads_repeats = bool(retrieval.reads_repeats.numpy())
        self._rates_by_users = ranker is not None and bool(ranker.reads_users.numpy())
        self._list_length = list_length
        self._zero_is_unrated = scale[0] > 0
        self._liked_from = liked_from
        self._repeats = repeats
        # "" stands in front, so that row -1, nothing, is no case of its own.
        self.item_ids = _constant(_strings([b"", *catalogue.item_ids]), "item_ids")
        self.titles = _constant(_strings([b"", *catalogue.titles]), "titles")
        self._item_rows = _lookup(catalogue.item_ids)
        self.mean = _constant(np.float32(means.mean), "mean")
        self.user_means = _constant(np.pad(means.users, (0, users.size + 1 - len(means.users))), "user_means")
        self.item_means = _constant(np.append(means.items, np.float32(0)), "item_means")
        self._items = len(catalogue)
        self._norms = _constant(self._candidate_norms(len(catalogue)), "candidate_norms")

    # Signatures. TensorFlow wants the receiver of a decorated method to be called `self`.

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name=contract.USER_ID)], autograph=False)
    def serving_default(self, user_id: Any) -> dict[str, Any]:
        """The common question: items for a user."""
        users = self.users.lookup(user_id)
        asked = self._asked(users)
        answer = self._answer(asked, self.users.vectors(users), self._config.default_n)
        return self._named(answer, self._source(self.users.liked(users), asked.is_known, contract.FROM_MODEL))

    @tf.function(
        input_signature=[
            tf.TensorSpec([None], tf.string, name=contract.USER_ID),
            tf.TensorSpec([None, None], tf.string, name=contract.HISTORY_ITEM_IDS),
            tf.TensorSpec([None, None], tf.float32, name=contract.HISTORY_RATINGS),
            tf.TensorSpec([None, None], tf.string, name=contract.EXCLUDE_ITEM_IDS),
            tf.TensorSpec([None, None], tf.string, name=contract.ALLOW_ITEM_IDS),
            tf.TensorSpec([None, None], tf.string, name=contract.FILTERS),
            tf.TensorSpec([None, None], tf.string, name=contract.USER_FEATURES),
            tf.TensorSpec([None, None], tf.string, name=contract.CONTEXT),
            tf.TensorSpec([None], tf.int32, name=contract.N),
        ],
        autograph=False,
    )
    def recommend(
        self,
        user_id: Any,
        history_item_ids: Any,
        history_ratings: Any,
        exclude_item_ids: Any,
        allow_item_ids: Any,
        filters: Any,
        user_features: Any,
        context: Any,
        n: Any,
    ) -> dict[str, Any]:
        """The full question."""
        users = self.users.lookup(user_id)
        stored = self._asked(users)
        rows = self._item_rows.lookup(history_item_ids)
        given = tf.reduce_any(rows >= 0, axis=1)
        ratings = self._as_wide(history_ratings, rows)
        liked = self._liked(rows, ratings)
        told = self.retrieval.read_user_features(user_features)
        moment = self.retrieval.read_context(context)
        queries, vectors = tf.cond(
            tf.reduce_any(given | told["given"] | moment["given"]),
            lambda: self._replaced(user_id, users, _Told(rows, ratings, liked, given, told, moment)),
            lambda: (stored.queries, self.users.vectors(users)),
        )
        excluded = self._item_rows.lookup(exclude_item_ids)
        unwanted = tf.where(rows == liked, NOTHING, rows) if self._repeats else rows
        n = tf.where(n <= 0, self._config.default_n, tf.minimum(n, contract.MAX_N))
        with_history = tf.where(given, tf.reduce_any(liked >= 0, axis=1), self.users.liked(users))
        is_known = with_history | self._told(users, told["given"], moment["given"])
        answer = self._answer(
            Asked(
                queries=queries,
                is_known=is_known,
                left_out=(*stored.left_out, sorted_lists(tf.concat([unwanted, excluded], axis=1))),
                filters=self.filter.lookup(filters),
                allowed=self._allowed(allow_item_ids),
                raised=self._raised(lambda: _given_or_stored(given, liked, self._stored_history(users))),
            ),
            vectors,
            tf.maximum(tf.reduce_max(n), 1),
        )
        within = tf.range(tf.shape(answer.rows)[1])[tf.newaxis] < n[:, tf.newaxis]
        source = tf.where(given, contract.FROM_HISTORY, contract.FROM_MODEL)
        return self._named(
            dataclasses.replace(answer, rows=tf.where(within, answer.rows, NOTHING)),
            self._source(with_history, is_known, source),
        )

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name=contract.USER_ID)], autograph=False)
    def retrieve(self, user_id: Any) -> dict[str, Any]:
        """The first stage alone."""
        rows, scores = self.first_stage.best(self._asked(self.users.lookup(user_id)), self._config.retrieve_n)
        return {
            contract.ITEM_IDS: _taken(self.item_ids, rows),
            contract.SCORES: tf.where(rows >= 0, scores, 0.0),
            contract.COUNT: _count(rows),
        }

    @tf.function(
        input_signature=[
            tf.TensorSpec([None], tf.string, name=contract.USER_ID),
            tf.TensorSpec([None], tf.string, name=contract.ITEM_ID),
        ],
        autograph=False,
    )
    def rank(self, user_id: Any, item_id: Any) -> dict[str, Any]:
        """The predicted rating of a user for an item; 0 where the bundle predicts none."""
        rows = self._item_rows.lookup(item_id)
        users = self.users.lookup(user_id)
        history, ratings = self.users.interactions(users, self._rated_history)
        content = self.users.content(users)
        return {contract.PREDICTED_RATING: self._predicted(user_id, history, ratings, content, rows)}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name=contract.ITEM_ID)], autograph=False)
    def similar(self, item_id: Any) -> dict[str, Any]:
        """Items whose vectors point the same way (cosine, popularity left out), the item itself left out."""
        rows = self._item_rows.lookup(item_id)
        n, items = self._config.default_n, int(self._norms.shape[0])
        found, scores = in_parts(lambda part: self._nearest(part, n), [rows], queries_at_once(items))
        similar = tf.where((rows[:, tf.newaxis] >= 0) & (scores > LOWEST), found, NOTHING)
        return {
            contract.ITEM_IDS: _taken(self.item_ids, similar),
            contract.TITLES: _taken(self.titles, similar),
            contract.SCORES: tf.where(similar >= 0, scores, 0.0),
            contract.COUNT: _count(similar),
        }

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name=contract.USER_ID)], autograph=False)
    def history(self, user_id: Any) -> dict[str, Any]:
        """What the bundle knows of a user, newest first."""
        rows, ratings = self.users.interactions(self.users.lookup(user_id))
        rows, ratings = rows[:, ::-1], ratings[:, ::-1]
        return {
            contract.ITEM_IDS: _taken(self.item_ids, rows),
            contract.TITLES: _taken(self.titles, rows),
            contract.RATINGS: ratings,
            contract.COUNT: _count(rows),
        }

    @tf.function(
        input_signature=[
            tf.TensorSpec([None], tf.string, name=contract.USER_ID),
            tf.TensorSpec([None, None], tf.string, name=contract.HISTORY_ITEM_IDS),
            tf.TensorSpec([None, None], tf.float32, name=contract.HISTORY_RATINGS),
            tf.TensorSpec([None], tf.string, name=contract.ITEM_ID),
        ],
        autograph=False,
    )
    def explain(self, user_id: Any, history_item_ids: Any, history_ratings: Any, item_id: Any) -> dict[str, Any]:
        """The items of the history that add most to the relevance of an item; stars do not enter relevance."""
        stored = self._stored_history(self.users.lookup(user_id))
        rows = self._item_rows.lookup(history_item_ids)
        given = tf.reduce_any(rows >= 0, axis=1)
        liked = self._liked(rows, self._as_wide(history_ratings, rows))
        history = newest_last(_given_or_stored(given, liked, stored))[:, -self._history_length :]
        rows = self._item_rows.lookup(item_id)
        parts = self.retrieval.contributions(history, self.index.vectors(tf.maximum(rows, 0)))
        parts += tf.where(history == rows[:, tf.newaxis], self.retrieval.repeats(history), 0.0)
        parts = tf.where((rows >= 0)[:, tf.newaxis], tf.maximum(parts, 0.0), 0.0)
        parts = tf.pad(parts, [[0, 0], [0, contract.MOST_REASONS]])  # a history may be shorter than the answer
        top = tf.math.top_k(parts, contract.MOST_REASONS)
        history = tf.pad(history, [[0, 0], [0, contract.MOST_REASONS]], constant_values=NOTHING)
        reasons = tf.where(top.values > 0, tf.gather(history, top.indices, batch_dims=1), NOTHING)
        return {
            contract.ITEM_IDS: _taken(self.item_ids, reasons),
            contract.TITLES: _taken(self.titles, reasons),
            contract.SCORES: top.values,
            contract.SHARES: tf.math.divide_no_nan(top.values, tf.reduce_sum(parts, axis=1, keepdims=True)),
            contract.COUNT: _count(reasons),
        }

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name=contract.EXAMPLES)], autograph=False)
    def evaluate(self, examples: Any) -> dict[str, Any]:
        """Answers the rows of a held-out split from what the rows themselves say of the past.

        Lists are computed for marked rows only and are empty for the others.
        """
        rows = tf.io.parse_example(examples, _EVALUATED_FEATURES)
        history = self._item_rows.lookup(rows[features.HISTORY_ITEM_IDS].to_tensor(""))
        ratings = rows[features.HISTORY_RATINGS].to_tensor(0.0)
        item = self._item_rows.lookup(rows[features.ITEM_ID])
        user = self.users.lookup(rows[features.USER_ID])
        marked = tf.cast(tf.where(rows[features.HELD_OUT_ITEM_IDS].row_lengths() > 0)[:, 0], tf.int32)
        past, rated = tf.gather(history, marked), tf.gather(ratings, marked)
        liked = self._liked(past, rated)
        known = self.users.content(tf.gather(user, marked))
        moment = self.retrieval.read_context(tf.gather(self.retrieval.context_of_rows(examples), marked))
        seen = sorted_lists(self._item_rows.lookup(tf.gather(rows[features.SEEN_ITEM_IDS], marked).to_tensor("")))
        answer = self._answer(
            Asked(
                queries=self._queries(liked, known, moment),
                is_known=tf.reduce_any(liked >= 0, axis=1)
                | self._told(tf.gather(user, marked), context=moment["given"]),
                left_out=(seen,),
                raised=self._raised(lambda: liked),
            ),
            self._vectors(tf.gather(rows[features.USER_ID], marked), past, rated, known),
            self._list_length,
        )
        return {
            contract.ITEM_IDS: self._scattered(answer.rows, marked, examples),
            contract.PREDICTED_RATING: self._predicted(
                rows[features.USER_ID], history, ratings, self.users.content(user), item
            ),
            contract.BASELINE_RATING: self.mean
            + tf.gather(self.user_means, user)
            + tf.gather(self.item_means, tf.where(item >= 0, item, tf.size(self.item_means) - 1)),
        }

    # Steps of an answer.

    def _asked(self, users: Any) -> Asked:
        """What is stored of users."""
        return Asked(
            queries=self.users.queries(users),
            is_known=self.users.liked(users) | self._told(users),
            left_out=(self.users.seen(users),),
            raised=self._raised(lambda: self._stored_history(users)),
        )

    def _stored_history(self, users: Any) -> Any:
        """What is stored of users that they did not dislike, int32 `[B, any]`, oldest first, -1 = padding, anywhere."""
        most = self._history_length if self._liked_from is None else None  # dislikes take no place of a query
        return self._liked(*self.users.interactions(users, most))

    def _raised(self, history: Callable[[], Any]) -> tuple[Any, Any] | None:
        """What rises for being in a history int32 `[B, H]`, and by how much; None where nothing does."""
        if not self._reads_repeats:
            return None
        rows = newest_last(history())[:, -self._history_length :]
        return rows, self.retrieval.repeats(rows)

    def _replaced(self, user_id: Any, users: Any, told: _Told) -> tuple[Any, Any]:
        """Queries and user vectors, from the history and the features in the request where they are given."""
        content, rows, ratings, liked = self.users.content(users), told.rows, told.ratings, told.liked
        chosen = told.given[:, tf.newaxis]
        if self._reads_users or self._rates_by_users or self._reads_context:
            content = _either(told.features["given"], told.features, content)
            past, rated = self.users.interactions(users, max(self._history_length, self._rated_history))
            rows = _given_or_stored(told.given, rows, past)
            ratings = _given_or_stored(told.given, ratings, rated, np.nan)
            liked = _given_or_stored(told.given, liked, self._liked(past, rated))
            chosen |= (told.features["given"] | told.context["given"])[:, tf.newaxis]
        queries, vectors = self.users.queries(users), self.users.vectors(users)
        queries = tf.where(chosen, self._queries(liked, content, told.context), queries)
        if vectors is not None:
            vectors = tf.where(chosen, self._vectors(user_id, rows, ratings, content), vectors)
        return queries, vectors

    def _told(self, users: Any, features: Any = False, context: Any = False) -> Any:
        """Whether features of users (stored or told) or of the context say what lists follow from, bool `[B]`."""
        told = tf.zeros_like(users, tf.bool)
        if self._reads_users:
            told |= self.users.told(users) | features
        return told | context if self._reads_context else told

    def _source(self, with_history: Any, is_known: Any, source: Any) -> Any:
        """What answers come from: `source` with a history, else features, else popularity."""
        without = tf.where(is_known, contract.FROM_FEATURES, contract.FROM_POPULARITY)
        return tf.where(with_history, source, without)

    def _allowed(self, item_ids: Any) -> Any:
        """Catalogue rows int32 `[B, A]` of ids: PADDING for "", NEVER for an item that there is not."""
        rows = self._item_rows.lookup(item_ids)
        return tf.where(tf.equal(item_ids, ""), PADDING, tf.where(rows >= 0, rows, NEVER))

    def _liked(self, rows: Any, ratings: Any) -> Any:
        """Rows of a history `[B, H]` without those that its ratings `[B, H]` (NaN = not rated) call dislikes."""
        return rows if self._liked_from is None else tf.where(ratings < self._liked_from, NOTHING, rows)

    def _as_wide(self, ratings: Any, rows: Any) -> Any:
        """Ratings of a question brought to the width of `rows`; NaN where an item is not rated."""
        ratings = tf.where(tf.equal(ratings, 0.0), np.nan, ratings) if self._zero_is_unrated else ratings
        missing = tf.maximum(tf.shape(rows)[1] - tf.shape(ratings)[1], 0)
        return tf.pad(ratings, [[0, 0], [0, missing]], constant_values=np.nan)[:, : tf.shape(rows)[1]]

    def _queries(self, history: Any, content: tuple[Any, Any], context: dict[str, Any]) -> Any:
        """Queries float32 `[B, D]` of histories int32 `[B, H]`, oldest first, -1 = padding, features, context."""
        history = newest_last(history)[:, -self._history_length :]
        told = (tf.concat([content[part], context[name]], axis=1) for part, name in enumerate(("positions", "weights")))
        return self.retrieval.embed_query(history, *told)["embedding"]

    def _vectors(self, user_id: Any, history: Any, ratings: Any, content: tuple[Any, Any]) -> Any:
        """The rating model's user vectors float32 `[B, W]`; None without one."""
        return None if self.ranker is None else self.ranker.encode_users(user_id, history, ratings, *content)

    def _answer(self, asked: Asked, vectors: Any, n: Any) -> BatchAnswer:
        """The n best items: candidates by relevance, then in the configured order."""
        as_found = self._config.order == "relevance" and self._config.diversity == 0
        rows, scores = self.first_stage.best(asked, n if as_found else self._candidates(n))
        predicted = tf.zeros_like(scores) if vectors is None else self.ranker.rate(vectors, rows)
        if not as_found:
            order = self._ordered(rows, scores, predicted, n)
            rows, scores, predicted = (tf.gather(t, order, batch_dims=1) for t in (rows, scores, predicted))
        return BatchAnswer(rows=rows, scores=scores, ratings=predicted)

    def _candidates(self, n: Any) -> int:
        """How many are put into another order than relevance."""
        return max(n, self._config.rank_candidates) if isinstance(n, int) else self._config.rank_candidates

    def _ordered(self, rows: Any, scores: Any, stars: Any, n: Any) -> Any:
        """Positions int32 `[B, n]` of the first n candidates in the configured order."""
        real = rows >= 0
        values = {
            "relevance": lambda: scores,
            "stars": lambda: stars,
            "blend": lambda: blend(scores, stars, real, self._config.blend_weight),
        }[self._config.order]()
        if self._config.diversity == 0:
            return tf.math.top_k(tf.where(real, values, LOWEST), n).indices
        vectors = self.index.vectors(tf.reshape(tf.maximum(rows, 0), [-1])) * self.retrieval.direction
        vectors = tf.reshape(tf.math.l2_normalize(vectors, axis=1), [-1, tf.shape(rows)[1], vectors.shape[1]])
        similarity = tf.matmul(vectors, vectors, transpose_b=True)
        return most_relevant_and_different(values, similarity, real, n, self._config.diversity)

    def _named(self, answer: BatchAnswer, source: Any) -> dict[str, Any]:
        real = answer.rows >= 0
        return {
            contract.ITEM_IDS: _taken(self.item_ids, answer.rows),
            contract.TITLES: _taken(self.titles, answer.rows),
            contract.SCORES: tf.where(real, answer.scores, 0.0),
            contract.PREDICTED_RATINGS: tf.where(real, answer.ratings, 0.0),
            contract.COUNT: _count(answer.rows),
            contract.SOURCE: source,
        }

    def _predicted(self, user_id: Any, history: Any, ratings: Any, content: tuple[Any, Any], rows: Any) -> Any:
        """Predicted stars float32 `[B]` of one catalogue row each, which may be in the history."""
        if self.ranker is None:
            return tf.zeros_like(rows, tf.float32)
        predicted = self.ranker.predict(user_id, history, ratings, *content, rows[:, tf.newaxis])
        return predicted["predicted_rating"][:, 0]

    def _nearest(self, rows: Any, n: int) -> tuple[Any, Any]:
        vectors = self.index.vectors(tf.maximum(rows, 0)) * self.retrieval.direction
        scores = self.index.exact_scores(tf.math.l2_normalize(vectors, axis=1))
        scores = tf.where(self._norms > 0, scores / tf.maximum(self._norms, 1e-12), LOWEST)
        kept = min(n, self._items)
        found = self.index.exact_best(lower(scores, rows[:, tf.newaxis]), kept)
        return as_long(n, found["rows"], found["scores"], kept)

    def _scattered(self, rows: Any, marked: Any, examples: Any) -> Any:
        """Item ids `[B, list_length]` of answers to the marked rows, "" for the others."""
        shape = tf.stack([tf.size(examples), self._list_length])
        found = tf.tensor_scatter_nd_update(tf.fill(shape, NOTHING), marked[:, tf.newaxis], rows)
        return _taken(self.item_ids, found)

    def _candidate_norms(self, items: int) -> Any:
        """Lengths of all candidate vectors without their biases, float32 `[N + padding]`; 0 in the padding."""
        vectors = self.index.vectors(tf.range(items)) * self.retrieval.direction
        norms = tf.norm(vectors, axis=1).numpy()
        return np.pad(norms, (0, -items % BLOCK))


_EVALUATED_FEATURES = {
    features.USER_ID: tf.io.FixedLenFeature([], tf.string),
    features.ITEM_ID: tf.io.FixedLenFeature([], tf.string),
    features.HISTORY_ITEM_IDS: tf.io.RaggedFeature(tf.string),
    features.HISTORY_RATINGS: tf.io.RaggedFeature(tf.float32),
    features.SEEN_ITEM_IDS: tf.io.RaggedFeature(tf.string),
    features.HELD_OUT_ITEM_IDS: tf.io.RaggedFeature(tf.string),
}


class _Told(NamedTuple):
    """What requests tell: a history (rows, ratings, no dislikes among them, whether it is given), features, context."""

    rows: Any
    ratings: Any
    liked: Any
    given: Any
    features: dict[str, Any]
    context: dict[str, Any]


def _either(given: Any, told: dict[str, Any], stored: tuple[Any, Any]) -> tuple[Any, Any]:
    """Content of each row: what is told where `given` `[B]`, else what is stored."""
    width = tf.maximum(tf.shape(told["positions"])[1], tf.shape(stored[0])[1])

    def chosen(own: Any, other: Any, nothing: Any) -> Any:
        wide = [
            tf.pad(part, [[0, 0], [0, width - tf.shape(part)[1]]], constant_values=nothing) for part in (own, other)
        ]
        return tf.where(given[:, tf.newaxis], *wide)

    return chosen(told["positions"], stored[0], PADDING), chosen(told["weights"], stored[1], 0.0)


def _given_or_stored(given: Any, own: Any, stored: Any, nothing: Any = NOTHING) -> Any:
    """Each row's history: its own `[B, H]` where `given` `[B]`, else the stored one `[B, S]`; padding in front."""
    width = tf.maximum(tf.shape(own)[1], tf.shape(stored)[1])

    def widened(rows: Any) -> Any:
        return tf.pad(rows, [[0, 0], [width - tf.shape(rows)[1], 0]], constant_values=nothing)

    return tf.where(given[:, tf.newaxis], widened(own), widened(stored))


def newest_last(rows: Any) -> Any:
    """Moves padding (-1 in `rows` `[B, S]`) to the front, order kept."""
    order = tf.argsort(tf.cast(rows >= 0, tf.int32), axis=1, stable=True)
    return tf.gather(rows, order, batch_dims=1)


def _taken(strings: Any, rows: Any) -> Any:
    return tf.gather(strings, rows + 1)


def _count(rows: Any) -> Any:
    return tf.reduce_sum(tf.cast(rows >= 0, tf.int32), axis=1)


def _constant(value: Any, name: str) -> Any:
    return tf.Variable(value, trainable=False, name=name)


def _strings(values: Iterable[bytes]) -> Any:
    return tf.constant(list(values), tf.string)


def _lookup(keys: Strings) -> Any:
    """A table from id to position; NOTHING for "" and for every id that is not there."""
    values = tf.range(len(keys), dtype=tf.int32)
    return tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(_strings(keys), values), NOTHING)
