"""Where ratings come from and how they are split."""

from __future__ import annotations

import dataclasses

from components.settings import require, require_seed

SOURCES = ("demo", "movielens", "files")
MOVIELENS_DATASETS = ("latest-small", "100k", "1m", "20m", "25m")
SPLITS = ("auto", "leave_last", "global_time", "random", "presplit")


@dataclasses.dataclass(frozen=True, kw_only=True)
class DataConfig:
    """The source of interactions and of the catalogue.

    Attributes:
      source: `demo` (generated), `movielens` (by TensorFlow Datasets) or `files` (your own).
      dataset: MovieLens data set: latest-small, 100k, 1m, 20m or 25m.
      data_dir: Where TensorFlow Datasets keeps prepared data; empty: its own default.
      manual_dir: Folder that already holds the MovieLens archive (no download); empty: none.
      ratings: CSV or Parquet file of interactions, or a folder in GroupLens layout.
      movies: CSV or Parquet file of the catalogue; empty: titles are the ids.
      eval_ratings: File of the eval rows (presplit only).
      test_ratings: File of the test rows (presplit only).
      columns: Own column names as `role=column`, roles user, item, rating, timestamp, title, genres.
      has_ratings: Whether rows carry ratings: `auto` (from the columns), `true` or `false`.
      rating_min: Smallest rating, in stars.
      rating_max: Largest rating, in stars.
      demo_users: Number of users of the generated data.
      demo_movies: Number of movies of the generated data.
      demo_ratings: Approximate number of ratings of the generated data.
      demo_seed: Seed of the generated data.
    """

    source: str = "demo"
    dataset: str = "latest-small"
    data_dir: str = ""
    manual_dir: str = ""
    ratings: str = ""
    movies: str = ""
    eval_ratings: str = ""
    test_ratings: str = ""
    columns: tuple[str, ...] = ()
    has_ratings: str = "auto"
    rating_min: float = 0.5
    rating_max: float = 5.0
    demo_users: int = 1_200
    demo_movies: int = 1_500
    demo_ratings: int = 100_000
    demo_seed: int = 7

    def __post_init__(self) -> None:
        require(self.source in SOURCES, "data.source", "one of " + ", ".join(SOURCES), self.source)
        require(
            self.dataset in MOVIELENS_DATASETS, "data.dataset", "one of " + ", ".join(MOVIELENS_DATASETS), self.dataset
        )
        require(
            self.has_ratings in ("auto", "true", "false"), "data.has_ratings", "auto, true or false", self.has_ratings
        )
        require(self.rating_min < self.rating_max, "data.rating_max", "above data.rating_min", self.rating_max)
        require(self.source != "files" or bool(self.ratings), "data.ratings", "a file or a folder", self.ratings)
        require(self.demo_users >= 1, "data.demo_users", "1 or more", self.demo_users)
        require(self.demo_ratings >= 1, "data.demo_ratings", "1 or more", self.demo_ratings)
        require_seed(self.demo_seed, "data.demo_seed")
        require(self.demo_movies >= 1, "data.demo_movies", "1 or more", self.demo_movies)


@dataclasses.dataclass(frozen=True, kw_only=True)
class SplitConfig:
    """How rows are parted into train, eval and test.

    Attributes:
      kind: `leave_last` (per user, the last rows), `global_time` (before and after two moments),
        `random` (by a hash of user and movie), `presplit` (the source is three files already), or
        `auto`: presplit where eval and test files are given, leave_last for dated rows, else random.
      held_out: leave_last: rows a user gives to eval and again to test, but never more than a third
        of the user's rows each.
      eval_fraction: global_time and random: share of the rows that go to eval.
      test_fraction: global_time and random: share of the rows that go to test.
      history_length: Most recent known interactions that an eval or test row carries.
      seed: Seed of the random split.
      refit: Whether the models are trained anew on train + eval, once the eval rows have chosen the
        number of epochs; vocabularies, frequencies and baselines then come from train + eval too.
      new_users: Share of the users, drawn by a hash, whom no model learns from: their test rows carry the
        last 3, 5 or 10 interactions before them, as a question of somebody new does.
    """

    kind: str = "auto"
    held_out: int = 5
    eval_fraction: float = 0.1
    test_fraction: float = 0.1
    history_length: int = 200
    seed: int = 42
    refit: bool = False
    new_users: float = 0.0

    def __post_init__(self) -> None:
        require(self.kind in SPLITS, "split.kind", "one of " + ", ".join(SPLITS), self.kind)
        require(self.held_out >= 1, "split.held_out", "1 or more", self.held_out)
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
