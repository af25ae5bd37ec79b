"""The only names of features and labels, from ingestion to the served signature."""

from __future__ import annotations

# One row of `Examples[train, eval, test]` is one interaction.
EXAMPLES = "examples"  # serialized, of an entity or of a held-out split

USER_ID = "user_id"  # bytes, shape []
ITEM_ID = "item_id"  # bytes, shape []
RATING = "rating"  # float32, shape [], stars; 1.0 where the data has no ratings
TIMESTAMP = "timestamp"  # int64, shape [], Unix seconds; 0 where the data is undated
ITEM_TITLE = "item_title"  # bytes, shape []
ITEM_GENRES = "item_genres"  # bytes, any number
USER_ACTIVITY = "user_activity"  # bytes, shape [], bucket of the user's training rows
ITEM_POPULARITY = "item_popularity"  # bytes, shape [], bucket of the item's training rows

# Rows of eval and test only: what was known of the user before the row, oldest first.
HISTORY_ITEM_IDS = "history_item_ids"  # bytes, at most history_length
HISTORY_RATINGS = "history_ratings"  # float32, as many

# Test rows of new users only (split.new_users).
REQUEST_HISTORY = "request_history"  # bytes, "3", "5" or "10": how many interactions the question carries

# A user's first held-out row of a split only (the marked row).
HELD_OUT_ITEM_IDS = "held_out_item_ids"  # bytes, every item of the user in this split
SEEN_ITEM_IDS = "seen_item_ids"  # bytes, every item of the user in the splits before this one, oldest first

# The marked rows of the test split, as PeerLists hands them to the Evaluator: what peers recommend, best first.
POPULAR_ITEM_IDS = "popular_item_ids"  # bytes
PEER_ITEM_IDS = "peer_item_ids"  # bytes


def sequence_of(feature: str) -> str:
    """What a feature of an interaction is called in a sequence, where it is a list."""
    return f"sequence_{feature}"


# One row of `entities` is an item (split `items`) or a user (split `users`).
ROWS = "rows"  # int64, shape [], all rows of the item or the user, whatever their part

# One row of `sequences` is one user with every row in order; who reads it says which parts are meant.
SEQUENCE_ITEM_IDS = "sequence_item_ids"  # bytes
SEQUENCE_RATINGS = "sequence_ratings"  # float32
SEQUENCE_TIMESTAMPS = "sequence_timestamps"  # int64
SEQUENCE_WEIGHTS = "sequence_weights"  # float32, where rows count differently
SEQUENCE_PARTS = (
    "sequence_parts"  # bytes, shape [], a byte a row: 0 train, 1 eval, 2 test, 3 before the test rows of a new user
)

# What the transform graph makes of a row.
USER_INDEX = "user_index"  # int64, [batch]; the vocabulary's size stands for every unknown user
ITEM_INDEX = "item_index"  # int64, [batch]; the vocabulary's size stands for every unknown item
# A feature is called as FeatureSpec.transformed says.

# Vocabularies and other assets of the transform graph.
USER_VOCABULARY = "user_id"
ITEM_VOCABULARY = "item_id"

# Split names.
TRAIN, EVAL, TEST = "train", "eval", "test"
SPLITS = (TRAIN, EVAL, TEST)
ITEMS_SPLIT, USERS_SPLIT = "items", "users"
SEQUENCES_SPLIT = "all"
TRAIN_PART, EVAL_PART, TEST_PART, NEW_USER_PART = range(4)  # the last: before the test rows of a new user
ALL_PARTS = (TRAIN_PART, EVAL_PART, TEST_PART, NEW_USER_PART)

USER_ACTIVITY_BUCKETS = (("new", 0), ("1-19", 19), ("20-49", 49), ("50-199", 199), ("200+", None))
ITEM_POPULARITY_BUCKETS = (("new", 0), ("1-4", 4), ("5-19", 19), ("20-99", 99), ("100+", None))
"""Name and largest count of each bucket, in order; the last one is open."""
