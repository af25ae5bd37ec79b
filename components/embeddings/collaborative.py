"""Vectors of movies made from who has them, and from nothing else.

Cremonesi, Koren & Turrin, "Performance of Recommender Algorithms on Top-N Recommendation Tasks", RecSys
2010 (PureSVD), on the matrix of users and movies whose entries are divided by the roots of the row's and
the column's sum, as in Dhillon, "Co-clustering Documents and Words Using Bipartite Spectral Graph
Partitioning", KDD 2001: a busy user and a popular movie do not decide everything.
"""

from __future__ import annotations

import numpy as np
import scipy.sparse

from components.embeddings.neighbours import of_length_one
from components.examples import Floats, RaggedRows


def collaborative_vectors(lists: RaggedRows, movies: int, dimensions: int, seed: int) -> Floats:
    """The right singular vectors of the matrix of users and movies, one row a movie, each of length one.

    `matrix(u, m) = 1 / √(movies of u · users of m)` where user `u` has movie `m`, else 0. Stars do not enter.

    Args:
      lists: Catalogue rows of each user; -1 is ignored.
      movies: Movies in the catalogue.
      dimensions: Of a vector.
      seed: Of the start of the iteration.

    Returns:
      float32 `[movies, d]`, `d` the smallest of `dimensions`, users - 1 and movies - 1; 0 for movies nobody has.
    """
    from sklearn.decomposition import TruncatedSVD

    owner = np.repeat(np.arange(len(lists)), np.diff(lists.row_splits))
    known = lists.rows >= 0
    pairs = np.ones(int(known.sum())), (owner[known], lists.rows[known])
    matrix = scipy.sparse.csr_matrix(pairs, shape=(len(lists), movies))
    matrix.data[:] = 1.0  # who has a movie twice has it
    kept = min(dimensions, len(lists) - 1, movies - 1)
    if kept < 1 or not matrix.nnz:
        return np.zeros((movies, 0), np.float32)
    movies_of, users_of = (np.asarray(matrix.sum(axis=axis)).ravel() for axis in (1, 0))
    of_users, of_movies = (scipy.sparse.diags(1 / np.sqrt(np.maximum(sums, 1))) for sums in (movies_of, users_of))
    svd = TruncatedSVD(kept, algorithm="arpack", random_state=seed).fit(of_users @ matrix @ of_movies)
    vectors = svd.components_.T.astype(np.float32)
    vectors[users_of == 0] = 0  # and not what rounding has left there
    return of_length_one(vectors)
