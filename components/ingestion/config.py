"""Where ratings come from and how they are split."""

from __future__ import annotations

import dataclasses
import re
from typing import Annotated

from components.ingestion.reading.spans import is_pattern
from components.ingestion.sources import find_source
from components.settings import (
    Count,
    Fraction,
    Listed,
    Natural,
    Number,
    OrNone,
    Positive,
    Seed,
    Share,
    Weight,
    number,
    one_of,
    require,
    settings,
    that,
)

MOVIELENS_DATASETS = ("latest-small", "100k", "1m", "20m", "25m")
OpenFraction = Annotated[float, number(lambda value: 0 < value < 1, "between 0 and 1")]
SPLITS = ("auto", "leave_last", "global_time", "last_days", "random", "presplit")


@settings("data")
class DataConfig:
    """The source of interactions and of the catalogue.

    Attributes:
      source: `demo` (generated), `movielens` (by TensorFlow Datasets), `files` (your own), or `package.module:NAME` of
        a SourceKind of your own (components/ingestion/sources.py).
      dataset: MovieLens data set: latest-small, 100k, 1m, 20m or 25m.
      data_dir: Where TensorFlow Datasets keeps prepared data; empty: its own default.
      manual_dir: Folder that already holds the MovieLens archive (no download); empty: none.
      ratings: Interactions: a file (delimited text, Parquet or JSON lines, compressed or not), several separated by
        commas, a pattern, a folder of parts, or a folder in GroupLens layout; gs:// and s3:// through fsspec.
      span: Newest span that is read, where `ratings` has `{SPAN}`, or `{YYYY}`, `{MM}` and `{DD}` in a path.
      spans: How many spans are read up to that one; 0: all.
      max_span_drift: By how much the share of a user or an item may change in the newest span, 0 to 1, where that has
        100 rows or more; beyond it the run is refused.
      max_span_growth: How many times as many rows the newest span may have as the largest earlier one, if there are
        three earlier ones or more; beyond that the run is refused. 0: any number.
      kept_rows: Folder, local or gs://…, that keeps rows already read, so that a run reads only new files; empty: none.
      items: The catalogue, likewise; empty: titles are the ids.
      users: A table of users, likewise, for features of users; empty: nothing is known of them.
      eval_ratings: The eval rows, likewise (presplit only).
      test_ratings: The test rows, likewise (presplit only).
      columns: Your columns of the interactions as `role=column`, roles user, item, rating, timestamp, event, weight;
        item, title and genres apply to the catalogue, too. A column is a name, or a position counted from 1.
      item_columns: Your columns of the catalogue that `columns` does not name; roles item, title, genres.
      encoding: Encoding of text files: utf-8, utf-16, latin-1, or `auto`: detected from the first bytes, else utf-8.
      has_ratings: Whether rows carry ratings: `auto` (there is such a column, and it has more than one value),
        `true` or `false`.
      rating_min: Smallest rating; `none`: the smallest there is.
      rating_max: Largest rating; `none`: the largest there is.
      liked_from: Ratings below it are dislikes: they train the rating model and keep the item out of the list, but are
        otherwise no reason to recommend anything. `none`: set by the data (on a scale of two values the higher one;
        else there are no dislikes).
      events: Weight of each kind of interaction, by the values of the event column; others are left out. Empty: all
        count alike.
      time_unit: Unit of times that are numbers: seconds, milliseconds, microseconds, nanoseconds, or `auto`: by their
        size.
      time_format: Format of times that are text, as in strptime; empty: detected.
      ties: Order of a user's rows with the same time: `place` (as in the source), `hash` (random, but the same in every
        run) or `auto`: place where the source is a log in order of time whose ties are not sorted, else hash.
      bad_rows: `refuse` the data, or `skip` rows that cannot be used.
      max_bad_share: Share of bad rows above which `skip` refuses the data, too.
      memory_limit: Maximum memory for reading and sorting; what does not fit is sorted on disk.
      demo_users: Number of users of the generated data.
      demo_items: Number of items of the generated data.
      demo_ratings: Approximate number of ratings of the generated data.
      demo_seed: Seed of the generated data.
    """

    source: str = "demo"
    dataset: Annotated[str, one_of(*MOVIELENS_DATASETS)] = "latest-small"
    data_dir: str = ""
    manual_dir: str = ""
    ratings: str = ""
    span: str = ""
    spans: Natural = 0
    max_span_drift: Fraction = 0.25
    max_span_growth: Weight = 5.0
    kept_rows: str = ""
    items: str = ""
    users: str = ""
    eval_ratings: str = ""
    test_ratings: str = ""
    columns: Listed[str] = ()
    item_columns: Listed[str] = ()
    encoding: Annotated[str, one_of("auto", "utf-8", "utf-16", "latin-1")] = "auto"
    has_ratings: Annotated[str, one_of("auto", "true", "false")] = "auto"
    rating_min: OrNone[Number] = None
    rating_max: OrNone[Number] = None
    liked_from: OrNone[Number] = None
    events: dict[str, Positive] = dataclasses.field(default_factory=dict)
    time_unit: Annotated[str, one_of("auto", "seconds", "milliseconds", "microseconds", "nanoseconds")] = "auto"
    time_format: str = ""
    ties: Annotated[str, one_of("auto", "place", "hash")] = "auto"
    bad_rows: Annotated[str, one_of("refuse", "skip")] = "refuse"
    max_bad_share: Fraction = 0.05
    memory_limit: Annotated[
        str, that(re.compile(r"\d+(\.\d+)? ?[KMGT]i?B").fullmatch, "a size such as 1500MB or 4GB")
    ] = "1500MB"
    demo_users: Count = 1_200
    demo_items: Count = 1_500
    demo_ratings: Count = 100_000
    demo_seed: Seed = 7

    def __post_init__(self) -> None:
        find_source(self.source)
        require(
            self.rating_min is None or self.rating_max is None or self.rating_min < self.rating_max,
            "data.rating_max",
            "above data.rating_min",
            self.rating_max,
        )
        require(self.source != "files" or bool(self.ratings), "data.ratings", "a file or a folder", self.ratings)
        require(
            not self.span or is_pattern(self.ratings),
            "data.ratings",
            "a pattern of spans, such as events/{YYYY}-{MM}-{DD}.csv, since data.span is given",
            self.ratings,
        )


@settings("split")
class SplitConfig:
    """How rows are parted into train, eval and test.

    Attributes:
      kind: `leave_last` (per user, the last rows), `global_time` (before and after two moments), `last_days` (the
        last days are test, as many before them eval),
        `random` (by a hash of user and item), `presplit` (the source is three files already), or
        `auto`: presplit where eval and test files are given, leave_last for dated rows, else random.
      held_out: leave_last: rows that each user gives to eval, and the same number to test, but never more than
        a third of the user's rows to either.
      days: last_days: number of days.
      eval_fraction: global_time and random: share of the rows that go to eval.
      test_fraction: global_time and random: share of the rows that go to test.
      most_users: leave_last: at most about this many users, drawn by a hash, give rows to eval and test; all rows of
        the others are for training. 20,000 users measure a recall to ± .003.
      history_length: Most recent known interactions that an eval or test row carries.
      seed: Seed of the random split.
      new_users: Share of the users, drawn by a hash, whom no model learns from: their test rows carry the
        last 3, 5 or 10 interactions before them, as a question of somebody new does.
    """

    kind: Annotated[str, one_of(*SPLITS)] = "auto"
    held_out: Count = 5
    days: Positive = 7.0
    eval_fraction: OpenFraction = 0.1
    test_fraction: OpenFraction = 0.1
    most_users: Count = 20_000
    history_length: Count = 200
    seed: Seed = 42
    new_users: Share = 0.0

    def __post_init__(self) -> None:
        require(
            self.eval_fraction + self.test_fraction < 1,
            "split.test_fraction",
            "eval_fraction + test_fraction below 1",
            self.test_fraction,
        )
