"""Vectors of items made from who has them, and from nothing else.

Cremonesi, Koren & Turrin, "Performance of Recommender Algorithms on Top-N Recommendation Tasks", RecSys
2010 (PureSVD), on the matrix of users and items whose entries are divided by the roots of the row's and
the column's sum, as in Dhillon, "Co-clustering Documents and Words Using Bipartite Spectral Graph
Partitioning", KDD 2001: a busy user and a popular item do not decide everything.
"""

from __future__ import annotations

import numpy as np
import scipy.sparse

from components.embeddings.neighbours import of_length_one
from components.examples import Floats, RaggedRows, evenly_spread

MOST_ROWS = 5_000_000
"""Rows of which users are taken, evenly spread: enough for the items that are classified; 25 million take a minute."""


def collaborative_vectors(lists: RaggedRows, items: int, dimensions: int, seed: int) -> Floats:
    """The right singular vectors of the matrix of users and items, one row an item, each of length one.

    `matrix(u, m) = 1 / √(items of u · users of m)` where user `u` has item `m`, else 0. Stars do not enter.
    Of more than MOST_ROWS rows the users of about so many are read.

    Args:
      lists: Catalogue rows of each user; -1 is ignored.
      items: Items in the catalogue.
      dimensions: Of a vector.
      seed: Of the start of the iteration.

    Returns:
      float32 `[items, d]`, `d` the smallest of `dimensions`, users - 1 and items - 1; 0 for items nobody has.
    """
    from sklearn.decomposition import TruncatedSVD

    if len(lists.rows) > MOST_ROWS:
        lists = lists.of(evenly_spread(len(lists), len(lists) * MOST_ROWS // len(lists.rows)))
    owner = np.repeat(np.arange(len(lists)), np.diff(lists.row_splits))
    known = lists.rows >= 0
    pairs = np.ones(int(known.sum())), (owner[known], lists.rows[known])
    matrix = scipy.sparse.csr_matrix(pairs, shape=(len(lists), items))
    matrix.data[:] = 1.0  # who has an item twice has it
    kept = min(dimensions, len(lists) - 1, items - 1)
    if kept < 1 or not matrix.nnz:
        return np.zeros((items, 0), np.float32)
    items_of, users_of = (np.asarray(matrix.sum(axis=axis)).ravel() for axis in (1, 0))
    of_users, of_items = (scipy.sparse.diags(1 / np.sqrt(np.maximum(sums, 1))) for sums in (items_of, users_of))
    svd = TruncatedSVD(kept, algorithm="arpack", random_state=seed).fit(of_users @ matrix @ of_items)
    vectors = svd.components_.T.astype(np.float32)
    vectors[users_of == 0] = 0  # and not what rounding has left there
    return of_length_one(vectors)
