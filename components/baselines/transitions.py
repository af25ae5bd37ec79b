"""Which items follow which: the strong and simple peer of data whose order means something.

First-order transitions over a window, normalised as cosine similarity is; on sparse data hard to beat: on Amazon
Beauty no published transformer that was compared does (docs/results.md).
"""

from __future__ import annotations

import numpy as np
import scipy.sparse

from components.baselines.item_knn import BLOCK_ITEMS, Neighbours, most_similar
from components.examples import RaggedRows

BACKWARDS = 0.3
"""What it counts that an item came before another, where coming after it counts 1."""


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
      neighbours: Items that are kept.
      most_rows: Where there are more rows, every second, third, ... user is counted.
    """
    sequences = _part(sequences, most_rows)
    known = sequences.rows >= 0
    rows, owners = sequences.rows[known], sequences.owners[known]
    follows = scipy.sparse.csr_matrix((items, items), dtype=np.float32)
    for gap in range(1, window + 1):
        same = owners[gap:] == owners[:-gap]
        before, after = rows[:-gap][same], rows[gap:][same]
        weights = np.full(len(before), 1 / np.sqrt(gap), np.float32)
        follows = follows + scipy.sparse.csr_matrix((weights, (before, after)), shape=(items, items))
    both = (follows + BACKWARDS * follows.T).tocsr()
    scale = 1 / np.sqrt(np.maximum(np.bincount(rows, minlength=items), 1) + shrink)
    blocks = []
    for start in range(0, items, BLOCK_ITEMS):
        block = both[start : start + BLOCK_ITEMS]
        scales_of_row = np.repeat(scale[start : start + BLOCK_ITEMS], np.diff(block.indptr))
        block.data = (block.data * scales_of_row * scale[block.indices]).astype(np.float32)
        blocks.append(most_similar(block, start, neighbours))
    return Neighbours(similarities=scipy.sparse.vstack(blocks, format="csr"))


def _part(sequences: RaggedRows, most_rows: int) -> RaggedRows:
    step = -(-len(sequences.rows) // most_rows)
    return sequences if step <= 1 else sequences.of(np.arange(0, len(sequences), step))
