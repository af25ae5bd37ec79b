"""The two-tower retrieval model and its two losses.

Shapes: `B` rows, `H` history positions, `T` targets, `N` movies of the catalogue, `d` embedding_dim.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf
import tensorflow_recommenders as tfrs

from components.examples import Floats
from components.retrieval.content import Items
from components.retrieval.towers import CandidateTower, QueryTower

HISTORY = "history"
TARGETS = "targets"
MASKED = -1e9


class TwoTowerModel(tfrs.Model):  # type: ignore[misc]
    """Predicts what a user watches next from what the user watched before.

    Full softmax (`in_batch=False`): cross entropy over the whole catalogue, the history masked,
    averaged over the targets of a row. In-batch (`in_batch=True`): `tfrs.tasks.Retrieval` with the
    sampling-bias (logQ) correction (Yi et al., "Sampling-bias-corrected neural modeling for large
    corpus item recommendations", RecSys 2019) and accidental hits removed; the first target counts.

    Args:
      query_tower: Embeds histories.
      candidate_tower: Embeds movies.
      items: The whole catalogue.
      frequencies: float32 `[N]`, share of training rows of each movie (of Transform's counting).
      in_batch: Which loss.
      l2: Weight of the squared norm of all tables, added to the loss.
      movie_dropout: Share of movies whose id a step hides.
    """

    def __init__(
        self,
        query_tower: QueryTower,
        candidate_tower: CandidateTower,
        items: Items,
        frequencies: Floats,
        *,
        in_batch: bool,
        l2: float,
        movie_dropout: float,
    ) -> None:
        super().__init__()
        self.query_tower = query_tower
        self.candidate_tower = candidate_tower
        self._items = items
        self._frequencies = tf.constant(frequencies, tf.float32)
        self._in_batch = in_batch
        self._l2 = l2
        self._movie_dropout = movie_dropout
        self._task = tfrs.tasks.Retrieval(remove_accidental_hits=True)

    def compute_loss(self, inputs: dict[str, Any], training: bool = False) -> Any:
        """Loss of `history` int32 `[B, H]` and `targets` int32 `[B, T]` (catalogue rows, -1 = padding)."""
        history, targets = inputs[HISTORY], inputs[TARGETS]
        compute = self._in_batch_loss if self._in_batch else self._full_softmax_loss
        return compute(history, targets, training) + self._l2 * self._squared_norm()

    def embed_catalogue(self) -> tuple[Any, Any]:
        """Input tables float32 `[N, poolings * d]` and candidates float32 `[N, d + 1]`."""
        return self.query_tower.tables(self._items), self.candidate_tower(self._items)

    def _full_softmax_loss(self, history: Any, targets: Any, training: bool) -> Any:
        hidden = self._hidden_ids(tf.shape(self._items.slots)[0], training)
        queries = self.query_tower(history, self.query_tower.tables(self._items, hidden))
        logits = tf.matmul(queries, self.candidate_tower(self._items, hidden), transpose_b=True)
        logits = mask_rows(logits, history)
        log_normalizer = tf.reduce_logsumexp(logits, axis=1, keepdims=True)
        wanted = tf.cast(targets >= 0, tf.float32)
        log_probability = tf.gather(logits, tf.maximum(targets, 0), batch_dims=1) - log_normalizer
        per_row = tf.reduce_sum(log_probability * wanted, axis=1) / tf.reduce_sum(wanted, axis=1)
        return -tf.reduce_mean(per_row)

    def _in_batch_loss(self, history: Any, targets: Any, training: bool) -> Any:
        next_movie = targets[:, 0]
        rows, positions = tf.unique(tf.concat([tf.reshape(history, [-1]), next_movie], axis=0))
        items = self._items.select(tf.maximum(rows, 0))
        hidden = self._hidden_ids(tf.size(rows), training)
        local = tf.reshape(positions[: tf.size(history)], tf.shape(history))
        local = tf.where(history >= 0, local, -1)
        queries = self.query_tower(local, self.query_tower.tables(items, hidden))
        candidates = tf.gather(self.candidate_tower(items, hidden), positions[tf.size(history) :])
        loss = self._task(
            queries,
            candidates,
            candidate_sampling_probability=tf.gather(self._frequencies, next_movie),
            candidate_ids=next_movie,
            compute_metrics=False,
        )
        return loss / tf.cast(tf.size(next_movie), tf.float32)

    def _hidden_ids(self, movies: Any, training: bool) -> Any:
        if not training or self._movie_dropout == 0:
            return None
        return tf.random.uniform([movies]) < self._movie_dropout

    def _squared_norm(self) -> Any:
        encoders = [*self.query_tower.encoders, self.candidate_tower.encoder]
        return tf.add_n([tf.reduce_sum(tf.square(table)) for e in encoders for table in (e.ids, e.content)])


def mask_rows(logits: Any, rows: Any) -> Any:
    """Lowers `logits` `[B, N]` at `rows` int32 `[B, H]` (-1 = none) far below every other."""
    present = tf.where(rows >= 0)
    positions = tf.stack([present[:, 0], tf.cast(tf.gather_nd(rows, present), tf.int64)], axis=1)
    return tf.tensor_scatter_nd_update(logits, positions, tf.fill([tf.shape(positions)[0]], MASKED))
