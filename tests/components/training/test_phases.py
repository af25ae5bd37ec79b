"""What the training that chooses may know, derived by hand."""

import numpy as np

from components.examples import RaggedRows, UserSequences
from components.training.phases import choosing
from components.transform.graph import CatalogueFeatures, RaggedIndices

EMPTY = RaggedIndices(values=np.zeros(0, np.int64), row_splits=np.zeros(6, np.int64))


def test_the_choosing_phase_takes_back_what_eval_rows_told_of_movies():
    # The graph has counted train + eval: rows 0, 2 and 3 of the catalogue have indices 2, 0 and 1; 1 and 4 are unknown.
    movies = CatalogueFeatures(
        movie_index=np.array([2, 3, 0, 1, 3]), year=np.arange(5), genre_indices=EMPTY, title_word_indices=EMPTY
    )
    # In training rows occur 0 (three times) and 2 (once); 3 is of an eval row only, -1 outside the catalogue.
    train = UserSequences(
        user_ids=np.array([b"u", b"v"], object),
        movies=RaggedRows(row_splits=np.array([0, 3, 5]), rows=np.array([0, 2, 0, 0, -1], np.int32)),
    )
    phase = choosing(train, movies, unknown=3)
    assert phase.movies.movie_index.tolist() == [2, 3, 0, 3, 3]
    assert phase.frequencies.tolist() == [1, 0, 3, 0]
    assert phase.sequences is train
    assert movies.movie_index.tolist() == [2, 3, 0, 1, 3]
