"""The index as a SavedModel of its own; the bundle takes it in whole."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from components.examples import Floats
from components.index.scann_index import NAMESPACE
from components.index.search import ExactIndex


class SearchModule(tf.Module):  # type: ignore[misc]
    """An index together with exact search over the same candidates, for rows that ScaNN must not answer.

    Attributes:
      exact: ExactIndex over all candidates.
      index: The index that answers common requests; `exact` itself or a ScannIndex.
    """

    def __init__(self, index: Any, candidates: Floats) -> None:
        super().__init__(name="candidate_index")
        self.exact = index if isinstance(index, ExactIndex) else ExactIndex(candidates)
        self.index = index

    @tf.function(
        input_signature=[
            tf.TensorSpec([None, None], tf.float32, name="queries"),
            tf.TensorSpec([], tf.int32, name="k"),
        ],
        autograph=False,
    )
    def search(self, queries: Any, k: Any) -> dict[str, Any]:
        """The k best candidates (from 1 to their number) of each query.

        Returns:
          `rows` int32 `[B, k]` and `scores` float32 `[B, k]`, best first; the lowest float32 as a score
          says that the index found nothing more, and the row beside it means nothing.
        """
        rows, scores = self.index.search(queries, k)
        return {"rows": rows, "scores": scores}

    @tf.function(input_signature=[tf.TensorSpec([None, None], tf.float32, name="queries")], autograph=False)
    def exact_scores(self, queries: Any) -> Any:
        """Inner products with every candidate, float32 `[B, N + padding]`."""
        return self.exact.scores(queries)

    @tf.function(
        input_signature=[tf.TensorSpec([None, None], tf.float32, name="scores"), tf.TensorSpec([], tf.int32, name="k")],
        autograph=False,
    )
    def exact_best(self, scores: Any, k: Any) -> dict[str, Any]:
        """The k best columns of scores that were lowered where an item must not appear; as `search`."""
        rows, best = self.exact.best(scores, k)
        return {"rows": rows, "scores": best}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.int32, name="rows")], autograph=False)
    def vectors(self, rows: Any) -> Any:
        """Candidate vectors float32 `[B, D]` of catalogue rows."""
        return tf.transpose(tf.gather(self.exact.candidates, rows, axis=1))


def save_index(index: Any, candidates: Floats, folder: str) -> None:
    """Writes the index as a SavedModel."""
    module = SearchModule(index, candidates)
    tf.saved_model.save(
        module,
        folder,
        signatures={"search": module.search},
        options=tf.saved_model.SaveOptions(namespace_whitelist=[NAMESPACE]),
    )
