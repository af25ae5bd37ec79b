"""The public contract of a bundle: names of signatures, inputs, outputs and files.

TensorFlow Serving knows no optional inputs, and in row format an instance's keys must equal the
names. So the common question takes one input, and the full one lets each of its inputs be empty.

| signature | inputs | outputs |
|---|---|---|
| `serving_default` | `user_id` | the answer (below), `n` = the bundle's default |
| `recommend` | `user_id`, `history_movie_ids`, `history_ratings`, `exclude_movie_ids`, `genres`, `n` | the answer |
| `retrieve` | `user_id` | `movie_ids`, `scores`, `count`: the first stage alone, seen movies left out |
| `rank` | `user_id`, `movie_id` | `predicted_rating` |
| `similar` | `movie_id` | `movie_ids`, `titles`, `scores`, `count` |
| `history` | `user_id` | `movie_ids`, `titles`, `ratings`, `count`: what is known of a user, newest first |
| `explain` | `user_id`, `history_movie_ids`, `history_ratings`, `movie_id` | the reasons (below) |
| `evaluate` | `examples` (serialized) | `movie_ids`, `predicted_rating`, `baseline_rating` |

The answer: `movie_ids`, `titles` (string `[batch, n]`), `scores`, `predicted_ratings` (float32
`[batch, n]`), `count` (int32 `[batch]`, how many are real) and `source` (string `[batch]`:
`model`, `history` or `popularity`). A row with fewer answers is padded with `""` and 0.

Inputs: `user_id` string `[batch]`, `""` for a person without one. Lists are string `[batch, any]`
(`history_ratings` float32 of the same width as `history_movie_ids` or of width 0), padded with `""`
(ratings: 0 = not rated), ignored anywhere; `[batch, 0]` is allowed. `n` int32 `[batch]`, 0 = the
default, above `MAX_N` clamped. `genres`: any of them, empty = all. A history in the request
replaces the stored one; both are left out of the answer, and so is `exclude_movie_ids`.

`explain` asks about one movie a row and answers with `movie_ids`, `titles`, `scores`, `shares`, `count`.
The relevance of a movie is a sum over the movies of the history (plus the movie's bias): `scores` are the
parts of the at most `MOST_REASONS` movies that add most, largest first, exact to rounding; `shares` are
these parts divided by the sum of all positive ones: how much of what speaks for the movie comes from each.
A movie that adds nothing or less is not listed.
Nothing in the graph asserts on a row's values: one bad row never fails a merged batch.
"""

from __future__ import annotations

MODEL_NAME = "recommender"

# Signatures.
SERVING_DEFAULT = "serving_default"
RECOMMEND = "recommend"
RETRIEVE = "retrieve"
RANK = "rank"
SIMILAR = "similar"
HISTORY = "history"
EXPLAIN = "explain"
EVALUATE = "evaluate"

# Inputs.
USER_ID = "user_id"
MOVIE_ID = "movie_id"
HISTORY_MOVIE_IDS = "history_movie_ids"
HISTORY_RATINGS = "history_ratings"
EXCLUDE_MOVIE_IDS = "exclude_movie_ids"
GENRES = "genres"
N = "n"
EXAMPLES = "examples"

# Outputs.
MOVIE_IDS = "movie_ids"
TITLES = "titles"
SCORES = "scores"
PREDICTED_RATINGS = "predicted_ratings"
SHARES = "shares"
COUNT = "count"
SOURCE = "source"
RATINGS = "ratings"
PREDICTED_RATING = "predicted_rating"
BASELINE_RATING = "baseline_rating"

# Values of SOURCE.
FROM_MODEL = "model"  # a known user's stored history
FROM_HISTORY = "history"  # the history in the request
FROM_POPULARITY = "popularity"  # nothing is known of this person

DEFAULT_N = 10
MAX_N = 100
MOST_REASONS = 5

# Files of a version folder.
SAVED_MODEL_FILE = "saved_model.pb"
EXTRA_ASSETS = "assets.extra"
BUNDLE_FILE = "bundle.json"  # in EXTRA_ASSETS: what this bundle is made of
CATALOGUE_FILE = "catalogue.json"  # in EXTRA_ASSETS: movies with title and genres, some user ids
USERS_FILE = "users.parquet"  # in EXTRA_ASSETS: every user the bundle knows, for batch scoring
WARM_UP_FILE = "tf_serving_warmup_requests"  # in EXTRA_ASSETS: TFRecord of PredictionLog, the name is TF Serving's
