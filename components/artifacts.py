"""Property keys of artifacts and names of files inside them: what one stage leaves for the next."""

from __future__ import annotations

# Custom properties of what ExampleGen writes (integers, KFP-safe), alike on all its artifacts of Examples.
ROWS = {"train": "rows_train", "eval": "rows_eval", "test": "rows_test"}
USERS = "users"
ITEMS = "items"
ADDED_TO_CATALOGUE = "added_from_ratings"
DUPLICATES_DROPPED = "duplicates_dropped"
HAS_RATINGS = "has_ratings"  # 0 or 1
HAS_TIMESTAMPS = "has_timestamps"  # 0 or 1
REFIT = "refit"  # 1 where the models that are judged are fit on train + eval
# The same, texts.
LEAVE_OUT_SEEN = "leave_out_seen"  # always, never or for_days:N
FEATURES = "features"  # FeatureSpecs that the data have, as JSON
LIKED_FROM = "liked_from"  # ratings below are dislikes; empty: there are none

# Custom properties of the statistics (floats): the share of a split's rows that was looked at.
SAMPLE_RATES = {"items": "sample_rate_items", "users": "sample_rate_users", "all": "sample_rate_all"}

# Custom property of PeerLists' `judged_rows`: the name of the peer whose lists they carry.
PEER = "peer"

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
SKIPPED_ROWS = "skipped_rows.csv"  # beside it: the first of the bad rows that were skipped, if any were
TRAINING_LOG = "training.json"  # in a trainer's `model_run`: every epoch, of every seed and of a refit
TENSORBOARD_LOGS = "logs"  # in a trainer's `model_run`: a folder of event files for every training
FINAL_CHECK = "final.json"  # in FinalFit's `model_run`: seconds, and how near its lists are to the judged ones
INDEX_REPORT = "index.json"  # in the index: kind, parameters, measured recall
ITEM_MAP = "map.json"  # in the embeddings: the items on a plane, with their neighbours
GENRE_REPORT = "genres.json"  # in the embeddings: how well the items' vectors tell their genres
GATE_REPORT = "gates.json"  # in the evaluation: verdicts and reasons
REPORT_FACTS = "report.json"  # in the report: everything that the page shows
REPORT_PAGE = "report.html"  # in the report: the page
