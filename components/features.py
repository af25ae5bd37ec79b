"""The only names of features and labels, from ingestion to the served signature."""

from __future__ import annotations

from collections.abc import Collection

# One row of `Examples[train, eval, test]` is one interaction.
USER_ID = "user_id"  # bytes, shape []
MOVIE_ID = "movie_id"  # bytes, shape []
RATING = "rating"  # float32, shape [], stars; 1.0 where the data has no ratings
TIMESTAMP = "timestamp"  # int64, shape [], Unix seconds; 0 where the data is undated
MOVIE_TITLE = "movie_title"  # bytes, shape []
MOVIE_GENRES = "movie_genres"  # bytes, any number
USER_ACTIVITY = "user_activity"  # bytes, shape [], bucket of the user's training rows
MOVIE_POPULARITY = "movie_popularity"  # bytes, shape [], bucket of the movie's training rows

# Rows of eval and test only: what was known of the user before the row, oldest first.
HISTORY_MOVIE_IDS = "history_movie_ids"  # bytes, at most history_length
HISTORY_RATINGS = "history_ratings"  # float32, as many

# Test rows of new users only (split.new_users).
REQUEST_HISTORY = "request_history"  # bytes, "3", "5" or "10": how many interactions the question carries

# A user's first held-out row of a split only (the marked row).
HELD_OUT_MOVIE_IDS = "held_out_movie_ids"  # bytes, every movie of the user in this split
SEEN_MOVIE_IDS = "seen_movie_ids"  # bytes, every movie of the user in the splits before this one, oldest first

# The marked rows of the test split, as PeerLists hands them to the Evaluator: what peers recommend, best first.
POPULAR_MOVIE_IDS = "popular_movie_ids"  # bytes
ITEM_KNN_MOVIE_IDS = "item_knn_movie_ids"  # bytes

# One row of `sequences` is one user with the training rows (split `train`), or the training and eval
# rows (split `train_and_eval`), in order.
SEQUENCE_MOVIE_IDS = "sequence_movie_ids"  # bytes
SEQUENCE_RATINGS = "sequence_ratings"  # float32
SEQUENCE_TIMESTAMPS = "sequence_timestamps"  # int64

# What the transform graph makes of a row.
USER_INDEX = "user_index"  # int64, [batch]; the vocabulary's size stands for every unknown user
MOVIE_INDEX = "movie_index"  # int64, [batch]; the vocabulary's size stands for every unknown movie
MOVIE_YEAR = "movie_year"  # int64, [batch]; 0 where the title names no year
MOVIE_GENRE_INDICES = "movie_genre_indices"  # int64, SparseTensor [batch, genres]
MOVIE_TITLE_WORD_INDICES = "movie_title_word_indices"  # int64, SparseTensor [batch, words]

# Vocabularies and other assets of the transform graph.
USER_VOCABULARY = "user_id"
MOVIE_VOCABULARY = "movie_id"
GENRE_VOCABULARY = "movie_genre"
TITLE_WORD_VOCABULARY = "movie_title_word"
MOVIE_FREQUENCY = "movie_id_frequency"  # "count movie_id" a line, training rows

# Split names.
TRAIN, EVAL, TEST = "train", "eval", "test"
SPLITS = (TRAIN, EVAL, TEST)
FITTED_SPLITS = {
    False: (TRAIN,),
    True: (TRAIN, EVAL),
}  # by whether the models are refit: what the judged ones learn from
CATALOGUE_SPLIT = "all"
SEQUENCES_SPLIT = "train"
REFIT_SPLIT = "train_and_eval"  # of `sequences`, only where the models are refit
NEW_USERS_SPLIT = "new_users"  # of `sequences`, only with split.new_users: what came before their test rows

USER_ACTIVITY_BUCKETS = (("new", 0), ("1-19", 19), ("20-49", 49), ("50-199", 199), ("200+", None))
MOVIE_POPULARITY_BUCKETS = (("new", 0), ("1-4", 4), ("5-19", 19), ("20-99", 99), ("100+", None))
"""Name and largest count of each bucket, in order; the last one is open."""


def fitted_split(splits: Collection[str]) -> str:
    """Of the splits of `sequences` the one that the judged models, vocabularies and baselines are fit on."""
    return REFIT_SPLIT if REFIT_SPLIT in splits else SEQUENCES_SPLIT
