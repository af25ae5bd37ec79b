"""What a user had most often: the peer of data that repeat themselves, such as groceries."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from components.baselines.item_knn import filled
from components.baselines.popularity import Doubles, popular_order
from components.examples import Ints, RaggedRows


def most_repeated(
    popularity: Doubles, histories: RaggedRows, left_out: RaggedRows, n: int, half_life: float = 0.0
) -> Iterator[Ints]:
    """The n items that stand most often in each history, then the most popular ones.

    Of equal counts the one that was had last comes first.

    Args:
      popularity: float64 `[items]`.
      histories: Catalogue rows known of each user, oldest first; -1 is ignored.
      left_out: Catalogue rows that are not recommended to each user, in any order; -1 is ignored.
      n: Length of the lists.
      half_life: After how many more recent rows a row counts half as much; 0: all alike.

    Yields:
      int32 `[at most n]` a user, best first; shorter only where no item is left.
    """
    order = popular_order(popularity)
    for user in range(len(histories)):
        newest_first = histories[user][::-1]
        newest_first = newest_first[newest_first >= 0]
        rows, latest, of_row = np.unique(newest_first, return_index=True, return_inverse=True)
        weights = 0.5 ** (np.arange(len(newest_first)) / half_life) if half_life else None
        counts = np.bincount(of_row, weights, minlength=len(rows))
        best = rows[np.lexsort((latest, -counts))]
        best = best[~np.isin(best, left_out[user])][:n].astype(np.int32)
        yield best if len(best) == n else filled(best, order, left_out[user], n)
