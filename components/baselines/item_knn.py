"""Item-based nearest neighbours: the strong and simple peer.

Deshpande & Karypis, "Item-Based Top-N Recommendation Algorithms", ACM TOIS 22(1), 2004, with cosine
similarity of the items' columns in the binary matrix of users and items, and with histories whose
recent items weigh more.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np
import scipy.sparse

from components.baselines.popularity import Doubles, popular_order
from components.examples import Floats, Ints, Longs, RaggedRows

BLOCK_ITEMS = 256
BLOCK_USERS = 512


@dataclasses.dataclass(frozen=True, kw_only=True)
class Neighbours:
    """The most similar items of every item.

    Attributes:
      similarities: Sparse float32 `[items, items]`; row `i` holds the similarities of item
        `i` and its most similar items, 0 for all others and for itself.
    """

    similarities: scipy.sparse.csr_matrix


def find_neighbours(sequences: RaggedRows, items: int, neighbours: int, longest: int) -> Neighbours:
    """Finds the `neighbours` most similar items of every item.

    `similarity(i, j)` is the cosine of the items' columns; where every row counts 1 and none repeats, that is
    users with both / √(users with i · users with j). It lies between 0 and 1. Ties go to the
    lower catalogue row. Items are taken in blocks, so that memory stays small with many.

    Args:
      sequences: Training rows of each user, oldest first.
      items: Items in the catalogue.
      neighbours: Similar items that are kept.
      longest: Only that many of a user's latest rows count: the work grows with the square of it.
    """
    matrix = _user_matrix(sequences, items, longest)
    users = np.asarray(matrix.multiply(matrix).sum(axis=0), np.float64).ravel()
    by_item = matrix.T.tocsr()
    blocks = []
    for start in range(0, items, BLOCK_ITEMS):
        block = (by_item[start : start + BLOCK_ITEMS] @ matrix).tocsr()
        users_of_row = np.repeat(users[start : start + BLOCK_ITEMS], np.diff(block.indptr))
        block.data = (block.data / np.sqrt(users_of_row * users[block.indices])).astype(np.float32)
        blocks.append(most_similar(block, start, neighbours))
    return Neighbours(similarities=scipy.sparse.vstack(blocks, format="csr"))


def recommend(
    neighbours: Neighbours,
    popularity: Doubles,
    histories: RaggedRows,
    left_out: RaggedRows,
    n: int,
    half_life: float,
) -> Iterator[Ints]:
    """The n best items of each user.

    `score(u, c) = Σ_{i ∈ history(u)} w_i · similarity(i, c)` over the items `i` that have `c` among
    their neighbours; `w_i = 2^(-age / half_life)`, where the latest item's age is 0, the one before
    has 1 and so on; 1 for all without a half-life. Equal scores are ordered by popularity; after the
    items with a score follow the most popular ones, so that the list is as long as others.

    Args:
      neighbours: What `find_neighbours` found.
      popularity: float64 `[items]`.
      histories: Catalogue rows known of each user, oldest first; -1 is ignored.
      left_out: Catalogue rows that are not recommended to each user, in any order; -1 is ignored.
      n: Length of the lists.
      half_life: In items; 0 for none.

    Yields:
      int32 `[at most n]` a user, best first; shorter only where no item is left.
    """
    items = len(popularity)
    order = popular_order(popularity)
    rank = np.empty(items, np.int32)
    rank[order] = np.arange(items, dtype=np.int32)
    for start in range(0, len(histories), BLOCK_USERS):
        users = range(start, min(start + BLOCK_USERS, len(histories)))
        scores = _weighted(histories, users, items, half_life) @ neighbours.similarities
        for row, user in enumerate(users):
            span = slice(scores.indptr[row], scores.indptr[row + 1])
            excluded = left_out[user]
            best = _best(scores.indices[span], scores.data[span], excluded, rank, n)
            yield best if len(best) == n else filled(best, order, excluded, n)


def most_popular(popularity: Doubles, left_out: RaggedRows, n: int) -> Iterator[Ints]:
    """The n most popular items that are not left out of each user's list; ties by catalogue row.

    Args:
      popularity: float64 `[items]`.
      left_out: As in `recommend`.
      n: Length of the lists.
    """
    order = popular_order(popularity)
    nothing = np.zeros(0, np.int32)
    for user in range(len(left_out)):
        yield filled(nothing, order, left_out[user], n)


def _user_matrix(sequences: RaggedRows, items: int, longest: int) -> scipy.sparse.csr_matrix:
    """How much a user has had an item among its latest rows, float32 `[users, items]`: log2(1 + sum of weights).

    So one row of weight 1 counts 1, and what is had again and again counts more, but less and less so.
    """
    age = _ages(sequences.row_splits)
    kept = (age < longest) & (sequences.rows >= 0)
    rows, users = sequences.rows[kept], sequences.owners[kept]
    weights = sequences.row_weights()[kept]
    matrix = scipy.sparse.csr_matrix((weights, (users, rows)), shape=(len(sequences), items), dtype=np.float32)
    matrix.sum_duplicates()
    matrix.data = np.log2(1 + matrix.data)
    return matrix


def _ages(row_splits: Longs) -> Longs:
    """How many rows of the same list come after each row."""
    lengths = np.diff(row_splits)
    return np.repeat(row_splits[1:], lengths) - 1 - np.arange(row_splits[-1])


def most_similar(block: scipy.sparse.csr_matrix, start: int, neighbours: int) -> scipy.sparse.csr_matrix:
    """Keeps the largest values of each row, none on the diagonal.

    Args:
      block: Some rows of a square matrix.
      start: Which one is the first.
      neighbours: Values that are kept of each.
    """
    columns, values, lengths = [], [], []
    for row in range(block.shape[0]):
        span = slice(block.indptr[row], block.indptr[row + 1])
        others = block.indices[span] != start + row
        indices, data = block.indices[span][others], block.data[span][others]
        if len(data) > neighbours:
            # The smallest value that is kept; where several are equal to it, the lower rows are kept.
            least = np.partition(data, len(data) - neighbours)[len(data) - neighbours]
            above = np.flatnonzero(data > least)
            equal = np.flatnonzero(data == least)
            equal = equal[np.argsort(indices[equal])][: neighbours - len(above)]
            kept = np.concatenate([above, equal])
            indices, data = indices[kept], data[kept]
        columns.append(indices)
        values.append(data)
        lengths.append(len(indices))
    return scipy.sparse.csr_matrix(
        (np.concatenate(values), np.concatenate(columns), np.concatenate([[0], np.cumsum(lengths)])), shape=block.shape
    )


def _weighted(histories: RaggedRows, users: range, items: int, half_life: float) -> scipy.sparse.csr_matrix:
    """Weights of the items in the histories of several users, float32 `[users, items]`."""
    splits = histories.row_splits[users.start : users.stop + 1]
    rows = histories.rows[splits[0] : splits[-1]]
    age = _ages(splits - splits[0])
    weights = 2.0 ** (-age / half_life) if half_life else np.ones(len(rows))
    owner = np.repeat(np.arange(len(users)), np.diff(splits))
    known = rows >= 0
    return scipy.sparse.csr_matrix(
        (weights[known].astype(np.float32), (owner[known], rows[known])), shape=(len(users), items)
    )


def _best(items: Ints, scores: Floats, left_out: Ints, rank: Ints, n: int) -> Ints:
    """The n items of the highest scores, best first, equal ones by rank."""
    allowed = np.flatnonzero(~np.isin(items, left_out))
    if len(allowed) > n:
        least = np.partition(scores[allowed], len(allowed) - n)[len(allowed) - n]
        allowed = allowed[scores[allowed] >= least]
    order = np.lexsort((rank[items[allowed]], -scores[allowed]))
    best: Ints = items[allowed[order][:n]].astype(np.int32)
    return best


def filled(best: Ints, order: Ints, left_out: Ints, n: int) -> Ints:
    """The list, then the most popular items that are neither in it nor left out."""
    taken = np.concatenate([best, left_out])
    candidates = order[: n + len(taken)]
    return np.concatenate([best, candidates[~np.isin(candidates, taken)][: n - len(best)]])
