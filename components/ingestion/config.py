"""Where ratings come from and how they are split."""

from __future__ import annotations

import dataclasses
import math
import re

from components.ingestion.reading.spans import is_pattern
from components.ingestion.sources import find_source
from components.settings import require, require_seed

MOVIELENS_DATASETS = ("latest-small", "100k", "1m", "20m", "25m")
SPLITS = ("auto", "leave_last", "global_time", "last_days", "random", "presplit")


@dataclasses.dataclass(frozen=True, kw_only=True)
class DataConfig:
    """The source of interactions and of the catalogue.

    Attributes:
      source: `demo` (generated), `movielens` (by TensorFlow Datasets), `files` (your own), or `package.module:NAME` of
        a SourceKind of your own (components/ingestion/sources.py).
      dataset: MovieLens data set: latest-small, 100k, 1m, 20m or 25m.
      data_dir: Where TensorFlow Datasets keeps prepared data; empty: its own default.
      manual_dir: Folder that already holds the MovieLens archive (no download); empty: none.
      ratings: Interactions: a file (delimited text, Parquet or JSON lines, packed or not), several with commas
        between, a pattern, a folder of parts, or a folder in GroupLens layout; gs:// and s3:// by fsspec.
      span: Newest span that is read, where `ratings` has `{SPAN}`, or `{YYYY}`, `{MM}` and `{DD}` in a path.
      spans: How many spans are read up to that one; 0: all.
      max_span_drift: By how much the share of a user or an item may change in the newest span, 0 to 1, where that has
        100 rows or more; beyond it the run is refused.
      max_span_growth: How many times as many rows the newest span may have as the largest of those before, where these
        are three or more; beyond it the run is refused. 0: any number.
      kept_rows: Folder for rows that were read, local or gs://…: a run reads only files that are new; empty: none.
      items: The catalogue, likewise; empty: titles are the ids.
      users: A table of users, likewise, for features of users; empty: nothing is known of them.
      eval_ratings: The eval rows, likewise (presplit only).
      test_ratings: The test rows, likewise (presplit only).
      columns: Own columns of the interactions as `role=column`, roles user, item, rating, timestamp, event, weight;
        item, title and genres are read for the catalogue, too. A column is a name or a position from 1.
      item_columns: Own columns of the catalogue, roles item, title, genres, where `columns` does not say it.
      encoding: Of text files: utf-8, utf-16, latin-1, or `auto`: by the first bytes, else utf-8.
      has_ratings: Whether rows carry ratings: `auto` (there is such a column, and it says more than one thing),
        `true` or `false`.
      rating_min: Smallest rating; `none`: the smallest there is.
      rating_max: Largest rating; `none`: the largest there is.
      liked_from: Ratings below it are dislikes: they teach the rating model, leave the item out of the list, and are
        otherwise no reason to recommend anything. `none`: found (on a scale of two values the higher one; else there
        are no dislikes).
      events: Weight of each kind of interaction, by the values of the event column; others are left out. Empty: all
        count alike.
      time_unit: Of times that are numbers: seconds, milliseconds, microseconds, nanoseconds, or `auto`: by their size.
      time_format: Of times that are text, as strptime has it; empty: found.
      ties: Order of a user's rows of the same time: `place` (in the source), `hash` (drawn, and the same in every run)
        or `auto`: place where the source is a log in the order of time whose ties are not sorted, else hash.
      bad_rows: `refuse` the data, or `skip` rows that cannot be used.
      max_bad_share: Share of bad rows above which skip refuses, too.
      memory_limit: Most memory of reading and sorting; what does not fit is sorted on the disk.
      demo_users: Number of users of the generated data.
      demo_items: Number of items of the generated data.
      demo_ratings: Approximate number of ratings of the generated data.
      demo_seed: Seed of the generated data.
    """

    source: str = "demo"
    dataset: str = "latest-small"
    data_dir: str = ""
    manual_dir: str = ""
    ratings: str = ""
    span: str = ""
    spans: int = 0
    max_span_drift: float = 0.25
    max_span_growth: float = 5.0
    kept_rows: str = ""
    items: str = ""
    users: str = ""
    eval_ratings: str = ""
    test_ratings: str = ""
    columns: tuple[str, ...] = ()
    item_columns: tuple[str, ...] = ()
    encoding: str = "auto"
    has_ratings: str = "auto"
    rating_min: float | None = None
    rating_max: float | None = None
    liked_from: float | None = None
    events: dict[str, float] = dataclasses.field(default_factory=dict)
    time_unit: str = "auto"
    time_format: str = ""
    ties: str = "auto"
    bad_rows: str = "refuse"
    max_bad_share: float = 0.05
    memory_limit: str = "1500MB"
    demo_users: int = 1_200
    demo_items: int = 1_500
    demo_ratings: int = 100_000
    demo_seed: int = 7

    def __post_init__(self) -> None:
        find_source(self.source)
        require(
            self.dataset in MOVIELENS_DATASETS, "data.dataset", "one of " + ", ".join(MOVIELENS_DATASETS), self.dataset
        )
        for name, choices in (
            ("has_ratings", ("auto", "true", "false")),
            ("encoding", ("auto", "utf-8", "utf-16", "latin-1")),
            ("time_unit", ("auto", "seconds", "milliseconds", "microseconds", "nanoseconds")),
            ("ties", ("auto", "place", "hash")),
            ("bad_rows", ("refuse", "skip")),
        ):
            value = getattr(self, name)
            require(value in choices, f"data.{name}", "one of " + ", ".join(choices), value)
        for name in ("rating_min", "rating_max", "liked_from"):
            value = getattr(self, name)
            require(value is None or math.isfinite(value), f"data.{name}", "a finite number, or none", value)
        require(
            self.rating_min is None or self.rating_max is None or self.rating_min < self.rating_max,
            "data.rating_max",
            "above data.rating_min",
            self.rating_max,
        )
        for event, weight in self.events.items():
            require(0 < weight < math.inf, f"data.events.{event}", "a finite number above 0", weight)
        require(0 <= self.max_bad_share <= 1, "data.max_bad_share", "from 0 to 1", self.max_bad_share)
        require(
            re.fullmatch(r"\d+(\.\d+)? ?[KMGT]i?B", self.memory_limit) is not None,
            "data.memory_limit",
            "a size such as 1500MB or 4GB",
            self.memory_limit,
        )
        require(self.source != "files" or bool(self.ratings), "data.ratings", "a file or a folder", self.ratings)
        require(0 <= self.max_span_drift <= 1, "data.max_span_drift", "from 0 to 1", self.max_span_drift)
        require(self.max_span_growth >= 0, "data.max_span_growth", "0 or more", self.max_span_growth)
        require(self.spans >= 0, "data.spans", "0 or more", self.spans)
        require(
            not self.span or is_pattern(self.ratings),
            "data.ratings",
            "a pattern of spans, such as events/{YYYY}-{MM}-{DD}.csv, since data.span is given",
            self.ratings,
        )
        require(self.demo_users >= 1, "data.demo_users", "1 or more", self.demo_users)
        require(self.demo_ratings >= 1, "data.demo_ratings", "1 or more", self.demo_ratings)
        require_seed(self.demo_seed, "data.demo_seed")
        require(self.demo_items >= 1, "data.demo_items", "1 or more", self.demo_items)


@dataclasses.dataclass(frozen=True, kw_only=True)
class SplitConfig:
    """How rows are parted into train, eval and test.

    Attributes:
      kind: `leave_last` (per user, the last rows), `global_time` (before and after two moments), `last_days` (the
        last days are test, as many before them eval),
        `random` (by a hash of user and item), `presplit` (the source is three files already), or
        `auto`: presplit where eval and test files are given, leave_last for dated rows, else random.
      held_out: leave_last: rows a user gives to eval and again to test, but never more than a third
        of the user's rows each.
      days: last_days: how many.
      eval_fraction: global_time and random: share of the rows that go to eval.
      test_fraction: global_time and random: share of the rows that go to test.
      most_users: leave_last: at most about so many users, drawn by a hash, give rows to eval and test; of the others
        everything is trained on. 20,000 users measure a recall to ± .003.
      history_length: Most recent known interactions that an eval or test row carries.
      seed: Seed of the random split.
      new_users: Share of the users, drawn by a hash, whom no model learns from: their test rows carry the
        last 3, 5 or 10 interactions before them, as a question of somebody new does.
    """

    kind: str = "auto"
    held_out: int = 5
    days: float = 7.0
    eval_fraction: float = 0.1
    test_fraction: float = 0.1
    most_users: int = 20_000
    history_length: int = 200
    seed: int = 42
    new_users: float = 0.0

    def __post_init__(self) -> None:
        require(self.kind in SPLITS, "split.kind", "one of " + ", ".join(SPLITS), self.kind)
        require(self.most_users >= 1, "split.most_users", "1 or more", self.most_users)
        require(self.held_out >= 1, "split.held_out", "1 or more", self.held_out)
        require(0 < self.days < math.inf, "split.days", "above 0", self.days)
        require(0 < self.eval_fraction < 1, "split.eval_fraction", "between 0 and 1", self.eval_fraction)
        require(0 < self.test_fraction < 1, "split.test_fraction", "between 0 and 1", self.test_fraction)
        require(
            self.eval_fraction + self.test_fraction < 1,
            "split.test_fraction",
            "eval_fraction + test_fraction below 1",
            self.test_fraction,
        )
        require(0 <= self.new_users < 1, "split.new_users", "from 0 to below 1", self.new_users)
        require_seed(self.seed, "split.seed")
        require(self.history_length >= 1, "split.history_length", "1 or more", self.history_length)
