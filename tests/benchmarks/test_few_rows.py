"""The benchmark's data is laid out as the pipeline lays it out."""

from __future__ import annotations

import pandas as pd

from benchmarks.few_rows import laid_out


def test_rows_are_split_as_by_leave_last_and_items_that_only_eval_has_are_unknown() -> None:
    rows = [(1, item, 3.5, item) for item in range(10, 19)] + [(2, 10, 4.0, 5), (2, 20, 1.0, 6)]
    ratings = pd.DataFrame(rows, columns=["user", "item", "rating", "timestamp"])
    catalogue = pd.DataFrame(
        {
            "title": [f"Item {item} (1999)" for item in range(10, 21)],
            "genres": ["Drama|War"] * 10 + ["(no genres listed)"],
        },
        index=pd.Index(range(10, 21), name="movieId"),
    )
    features, known, eval_rows = laid_out(ratings, catalogue)
    # User 1 gives 3 of 9 rows to eval and the 3 after them to test; user 2 has too few to give any.
    assert known.rows.ratings.tolist() == [3.5, 3.5, 3.5, 4.0, 1.0]
    assert known.histories[0].tolist() == [0, 1, 2]
    assert eval_rows.user_rows.tolist() == [0, 0, 0]
    assert eval_rows.item_rows.tolist() == [3, 4, 5]
    assert features.known_items == 4
    assert features.item_index.tolist() == [0, 1, 2, 4, 4, 4, 4, 4, 4, 3]  # 13 to 18 are nobody's in training
    genres = features.features[0]
    assert (genres.name, genres.size) == ("genres", 3)  # Drama, War, and an unknown one
    assert [len(genres.values[row]) for row in range(10)] == [2] * 9 + [0]
