"""Which items follow which: the strong and simple peer of data whose order means something.

First-order transitions over a window, normalised as cosine similarity is; on sparse data hard to beat: on Amazon
Beauty no published transformer that was compared does (docs/results.md).
"""

from __future__ import annotations

import numpy as np
import scipy.sparse

from components.baselines.item_knn import BLOCK_ITEMS, Neighbours, most_similar
from components.examples import Ints, Longs, RaggedRows

BACKWARDS = 0.3
"""What it counts that an item came before another, where coming after it counts 1."""

PAIRS_AT_ONCE = 50_000_000
"""About how many pairs of items are counted at once: some 600 MB."""

MOST_ENTRIES, LEAST_NEIGHBOURS = 200_000_000, 20
"""Most followers of all items together (1.6 GB), and the least of each: a very large catalogue keeps fewer.

Of a million generated items 50 followers each came to recall@100 .087 on eval, where 500 had come to .136 with an
earlier state of the counting; 200 have not been measured. Item-kNN had .121 both times.
"""


def find_transitions(
    sequences: RaggedRows, items: int, window: int, shrink: float, neighbours: int, most_rows: int
) -> Neighbours:
    """Finds the `neighbours` items that follow every item most.

    `T(i, j) = Σ 1/√g` over the users and all gaps g from 1 to `window` at which j stands g rows after i in their
    sequence; `similarity(i, j) = (T(i, j) + 0.3 T(j, i)) / √((rows of i + shrink) (rows of j + shrink))`. Ties go to
    the lower catalogue row, and an item does not follow itself. Weights of rows have no part.

    Args:
      sequences: Training rows of each user, oldest first.
      items: Items in the catalogue.
      window: Largest gap.
      shrink: Rows that are added to every item's: what few rows say counts less.
      neighbours: Items that are kept; of a very large catalogue fewer (MOST_ENTRIES).
      most_rows: Where there are more rows, every second, third, ... user is counted.
    """
    sequences = _part(sequences, most_rows)
    known = sequences.rows >= 0
    rows, owners = sequences.rows[known], sequences.owners[known]
    scale = 1 / np.sqrt(np.maximum(np.bincount(rows, minlength=items), 1) + shrink)
    neighbours = min(neighbours, max(LEAST_NEIGHBOURS, MOST_ENTRIES // max(1, items)))
    at_once = max(BLOCK_ITEMS, items * PAIRS_AT_ONCE // max(1, 2 * window * len(rows)))
    blocks = []
    for first in range(0, items, at_once):
        both = _counted(rows, owners, window, range(first, min(first + at_once, items)), items)
        for start in range(first, min(first + at_once, items), BLOCK_ITEMS):
            block = both[start - first : start - first + BLOCK_ITEMS]
            scales_of_row = np.repeat(scale[start : start + block.shape[0]], np.diff(block.indptr))
            block.data = (block.data * scales_of_row * scale[block.indices]).astype(np.float32)
            blocks.append(most_similar(block, start, neighbours))
    return Neighbours(similarities=scipy.sparse.vstack(blocks, format="csr"))


def _counted(rows: Ints, owners: Longs, window: int, block: range, items: int) -> scipy.sparse.csr_matrix:
    """`T + 0.3 Tᵀ` of the items of a block, `[len(block), items]`."""
    follows, precedes = (scipy.sparse.csr_matrix((len(block), items), dtype=np.float32) for _ in range(2))
    for gap in range(1, window + 1):
        same = owners[gap:] == owners[:-gap]
        before, after = rows[:-gap][same], rows[gap:][same]
        follows = follows + _beside(before, after, 1 / np.sqrt(gap), block, items)
        precedes = precedes + _beside(after, before, 1 / np.sqrt(gap), block, items)
    return (follows + BACKWARDS * precedes).tocsr()


def _beside(of: Ints, others: Ints, weight: float, block: range, items: int) -> scipy.sparse.csr_matrix:
    """How often each of the items of a block stands beside each other one, times the weight."""
    here = (of >= block.start) & (of < block.stop)
    weights = np.full(np.count_nonzero(here), weight, np.float32)
    return scipy.sparse.csr_matrix((weights, (of[here] - block.start, others[here])), shape=(len(block), items))


def _part(sequences: RaggedRows, most_rows: int) -> RaggedRows:
    step = -(-len(sequences.rows) // most_rows)
    return sequences if step <= 1 else sequences.of(np.arange(0, len(sequences), step))
