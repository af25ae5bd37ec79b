"""The public contract of a bundle: names of signatures, inputs, outputs and files.

TensorFlow Serving knows no optional inputs, and in row format an instance's keys must equal the
names. So the common question takes one input, and the full one lets each of its inputs be empty.

| signature | inputs | outputs |
|---|---|---|
| `serving_default` | `user_id` | the answer (below), `n` = the bundle's default |
| `recommend` | `user_id`, `history_item_ids`, `history_ratings`, and what the list may hold (below) | the answer |
| `retrieve` | `user_id` | `item_ids`, `scores`, `count`: the first stage alone, seen items left out |
| `rank` | `user_id`, `item_id` | `predicted_rating` |
| `similar` | `item_id` | `item_ids`, `titles`, `scores`, `count` |
| `history` | `user_id` | `item_ids`, `titles`, `ratings`, `count`: what is known of a user, newest first |
| `explain` | `user_id`, `history_item_ids`, `history_ratings`, `item_id` | the reasons (below) |
| `evaluate` | `examples` (serialized) | `item_ids`, `predicted_rating`, `baseline_rating` |

The answer: `item_ids`, `titles` (string `[batch, n]`), `scores`, `predicted_ratings` (float32
`[batch, n]`), `count` (int32 `[batch]`, how many are real) and `source` (string `[batch]`:
`model`, `history`, `features` or `popularity`). A row with fewer answers is padded with `""` and 0.

`recommend` takes `exclude_item_ids`, `allow_item_ids`, `filters`, `user_features`, `context` and `n`, too.
Inputs: `user_id` string `[batch]`, `""` for a person without one. Lists are string `[batch, any]` (`history_ratings`
float32 of the same width as `history_item_ids` or of width 0), padded with `""` (ratings: 0 = not rated), ignored
anywhere; `[batch, 0]` is allowed. `n` int32 `[batch]`, 0 = the default, above `MAX_N` clamped. A history in the
request replaces the stored one; both are left out of the answer, and so is `exclude_item_ids`. A bundle whose lists
may hold again what was had (`leave_out_seen` of bundle.json is `never`) leaves out dislikes alone, and what was had
often and lately comes first. Only items of `allow_item_ids` are answered where there are any (in stock, in this
market). `filters` are texts `feature=value`: of several of one feature any is enough, those of different features must
all be met, and `-feature=value` leaves out what has the value; what no item has nothing meets. `user_features` are
texts, too (`country=DE`); they replace what is stored of the user, and an unknown name or value says nothing.
`context` says the same of the moment (`hour=20`, `device=tv`), for relevance alone. What may stand in them follows
from the data: bundle.json lists it, and the contract never grows by a column.

`explain` asks about one item a row and answers with `item_ids`, `titles`, `scores`, `shares`, `count`.
The relevance of an item is a sum over the items of the history (plus the item's bias and what the features of
the user add): `scores` are the
parts of the at most `MOST_REASONS` items that add most, largest first, exact to rounding; `shares` are
these parts divided by the sum of all positive ones: how much of what speaks for the item comes from each.
An item that adds nothing or less is not listed. Where lists repeat, that the item itself was had before is a part.
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
ITEM_ID = "item_id"
HISTORY_ITEM_IDS = "history_item_ids"
HISTORY_RATINGS = "history_ratings"
EXCLUDE_ITEM_IDS = "exclude_item_ids"
ALLOW_ITEM_IDS = "allow_item_ids"
FILTERS = "filters"
USER_FEATURES = "user_features"
CONTEXT = "context"
N = "n"
EXAMPLES = "examples"

# Outputs.
ITEM_IDS = "item_ids"
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
FROM_FEATURES = "features"  # no history, but features of the user (stored or in the request) or of the context
FROM_POPULARITY = "popularity"  # nothing is known of this person

DEFAULT_N = 10
MAX_N = 100
MOST_REASONS = 5

# Files of a version folder.
SAVED_MODEL_FILE = "saved_model.pb"
EXTRA_ASSETS = "assets.extra"
BUNDLE_FILE = "bundle.json"  # in EXTRA_ASSETS: what this bundle is made of
CATALOGUE_FILE = (
    "catalogue.json"  # in EXTRA_ASSETS: items with title and the values of features that filter, some user ids
)
USERS_FILE = "users.parquet"  # in EXTRA_ASSETS: every user the bundle knows, for batch scoring
WARM_UP_FILE = "tf_serving_warmup_requests"  # in EXTRA_ASSETS: TFRecord of PredictionLog, the name is TF Serving's
