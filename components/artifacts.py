"""Property keys of artifacts and names of files inside them: what one stage leaves for the next."""

from __future__ import annotations

# Custom properties of RatingsExampleGen's `examples` (integers, KFP-safe).
ROWS = {"train": "rows_train", "eval": "rows_eval", "test": "rows_test"}
USERS = "users"
MOVIES = "movies"
DUPLICATES_DROPPED = "duplicates_dropped"
HAS_RATINGS = "has_ratings"  # 0 or 1
HAS_TIMESTAMPS = "has_timestamps"  # 0 or 1
REFIT = "refit"  # 1 where the models that are judged were fit on train + eval

# Custom properties of MoviesExampleGen's `examples`.
CATALOGUE_ROWS = "rows"
ADDED_TO_CATALOGUE = "added_from_ratings"

# Custom properties of the statistics (floats): the share of a split's rows that was looked at.
SAMPLE_RATES = {
    "train": "sample_rate_train",
    "eval": "sample_rate_eval",
    "test": "sample_rate_test",
    "all": "sample_rate_all",
}

# Custom properties of ServedModel's `model`.
ABSENT = "absent"  # 1 when nothing is served yet
SERVED_VERSION = "version"

# Custom properties of the Pusher's `pushed_model`.
PUSHED = "pushed"  # 1 when this execution published a version
PUSHED_VERSION = "pushed_version"
PUSHED_DESTINATION = "pushed_destination"

# Custom properties of the BatchScorer's `scores` (integers); PUSHED_VERSION is one, too, where somebody was scored.
SCORED_COUNTS = ("users", "rows", "rejected")

# Files.
SCORED_ROWS = "scores.parquet"  # in the scores: a file, or a folder of several
DATA_PROFILE = "profile.json"  # in the ratings' `profile`: exact counts of all rows
TRAINING_LOG = "training.json"  # in a trainer's `model_run`: list of epochs
EPOCH_HISTORY = "history.json"  # in a trainer's `model_run`: every epoch, of every seed and of a refit
TENSORBOARD_LOGS = "logs"  # in a trainer's `model_run`: a folder of event files for every training
INDEX_REPORT = "index.json"  # in the index: kind, parameters, measured recall
MOVIE_MAP = "map.json"  # in the embeddings: the movies on a plane, with their neighbours
GENRE_REPORT = "genres.json"  # in the embeddings: how well the movies' vectors tell their genres
GATE_REPORT = "gates.json"  # in the evaluation: verdicts and reasons
REPORT_FACTS = "report.json"  # in the report: everything that the page shows
REPORT_PAGE = "report.html"  # in the report: the page
