"""From files to Examples: what is written is compared with hand-made answers and with brute force."""

from __future__ import annotations

import collections
import random
from pathlib import Path

import pytest

from components import artifacts
from components.errors import InputError
from components.ingestion.config import DataConfig, SplitConfig
from tests import datasets
from tests.datasets import (
    MOVIES_HEADER,
    RATINGS_HEADER,
    TINY_EVAL,
    TINY_TEST,
    TINY_TRAIN,
    ingest,
    read_rows,
    write_csv,
)

KINDS = ("leave_last", "global_time", "random", "presplit")


def files(folder: Path, **options) -> DataConfig:
    return DataConfig(source="files", ratings=str(folder), **options)


def text(row: dict, name: str) -> list[str]:
    return [value.decode() for value in row.get(name, [])]


def pair(row: dict) -> tuple[str, str]:
    return text(row, "user_id")[0], text(row, "movie_id")[0]


def integer(artifact, key: str) -> int:
    return artifact.get_int_custom_property(key)


def contents(ingested: datasets.Ingested) -> dict[str, list[dict]]:
    """Every row of every file (compared as rows: the order of features inside a tf.Example is not fixed)."""
    root = Path(ingested.examples.uri).parent
    return {str(path.relative_to(root)): datasets.read_rows(str(path)) for path in sorted(root.rglob("*.gz"))}


@pytest.fixture(scope="module")
def tiny(tmp_path_factory) -> datasets.Ingested:
    folder = tmp_path_factory.mktemp("tiny")
    return ingest(folder, files(datasets.write_tiny(folder / "data")), SplitConfig(held_out=2, history_length=3))


def test_tiny_data_are_parted_as_by_hand(tiny):
    assert {pair(row) for row in tiny.rows("train")} == TINY_TRAIN
    assert {pair(row) for row in tiny.rows("eval")} == TINY_EVAL
    assert {pair(row) for row in tiny.rows("test")} == TINY_TEST


def test_without_a_refit_only_training_rows_are_in_sequences(tiny):
    sequences = {text(row, "user_id")[0]: text(row, "sequence_movie_ids") for row in read_rows(tiny.sequences_pattern)}
    assert sequences == {"ann": ["m1", "m2"], "bob": ["m1"], "cy": ["m6", "m1"]}
    assert tiny.sequences.split_names == '["train"]'
    assert not read_rows(tiny.refit_pattern)


def test_a_refit_gets_train_and_eval_rows_in_order_and_never_a_test_row(tmp_path):
    split = SplitConfig(held_out=2, history_length=3, refit=True)
    refit = ingest(tmp_path, files(datasets.write_tiny(tmp_path / "data")), split)
    assert refit.sequences.split_names == '["train", "train_and_eval"]'
    train, both = (
        {
            text(row, "user_id")[0]: (text(row, "sequence_movie_ids"), row["sequence_ratings"])
            for row in read_rows(files_)
        }
        for files_ in (refit.sequences_pattern, refit.refit_pattern)
    )
    assert {user: movies for user, (movies, _) in train.items()} == {
        "ann": ["m1", "m2"],
        "bob": ["m1"],
        "cy": ["m6", "m1"],
    }
    # m5 and m6 of ann and m5 of bob are the test rows.
    assert both == {
        "ann": (["m1", "m2", "m3", "m4"], [4.0, 3.0, 5.0, 2.0]),
        "bob": (["m1", "m3"], [5.0, 4.0]),
        "cy": (["m6", "m1"], [0.5, 2.0]),
    }
    # Buckets count what the judged models learn from: m3 is in eval twice, m5 in test only.
    popularity = {pair(row)[1]: text(row, "movie_popularity") for name in ("eval", "test") for row in refit.rows(name)}
    assert popularity == {"m3": ["1-4"], "m4": ["1-4"], "m5": ["new"], "m6": ["1-4"]}


def test_a_row_carries_its_values_title_genres_and_buckets(tiny):
    row = next(row for row in tiny.rows("test") if pair(row) == ("ann", "m6"))
    assert (row["rating"], row["timestamp"]) == ([4.5], [600])
    assert text(row, "movie_title") == ["Sixth Séance (2016)"]
    assert text(row, "movie_genres") == ["Horror"]
    assert text(row, "user_activity") == ["1-19"]
    assert text(row, "movie_popularity") == ["1-4"]  # cy's training row
    never_trained = next(row for row in tiny.rows("test") if pair(row) == ("ann", "m5"))
    assert text(never_trained, "movie_popularity") == ["new"]
    assert next(text(row, "movie_genres") for row in tiny.rows("eval") if pair(row) == ("ann", "m4")) == []


def test_histories_are_what_was_known_before_the_part_latest_at_the_end(tiny):
    histories = {pair(row): text(row, "history_movie_ids") for row in tiny.rows("test")}
    # history_length is 3: of m1 m2 m3 m4 the oldest is cut off.
    assert histories == {
        ("ann", "m5"): ["m2", "m3", "m4"],
        ("ann", "m6"): ["m2", "m3", "m4"],
        ("bob", "m5"): ["m1", "m3"],
    }
    ratings = {pair(row): row["history_ratings"] for row in tiny.rows("test")}
    assert ratings[("ann", "m5")] == [3.0, 5.0, 2.0]
    assert {pair(row): text(row, "history_movie_ids") for row in tiny.rows("eval")} == {
        ("ann", "m3"): ["m1", "m2"],
        ("ann", "m4"): ["m1", "m2"],
        ("bob", "m3"): ["m1"],
    }


def test_only_the_first_row_of_a_user_is_marked(tiny):
    marks = {pair(row): (text(row, "held_out_movie_ids"), text(row, "seen_movie_ids")) for row in tiny.rows("test")}
    assert marks == {
        ("ann", "m5"): (["m5", "m6"], ["m1", "m2", "m3", "m4"]),
        ("ann", "m6"): ([], []),
        ("bob", "m5"): (["m5"], ["m1", "m3"]),
    }


def test_training_rows_carry_no_history(tiny):
    assert all("history_movie_ids" not in row and "held_out_movie_ids" not in row for row in tiny.rows("train"))


def test_sequences_are_the_training_rows_of_each_user_oldest_first(tiny):
    rows = datasets.read_rows(tiny.sequences_pattern)
    assert {text(row, "user_id")[0]: text(row, "sequence_movie_ids") for row in rows} == {
        "ann": ["m1", "m2"],
        "bob": ["m1"],
        "cy": ["m6", "m1"],
    }
    cy = next(row for row in rows if text(row, "user_id") == ["cy"])
    assert (cy["sequence_ratings"], cy["sequence_timestamps"]) == ([0.5, 2.0], [50, 60])


def test_the_catalogue_keeps_the_order_of_its_file(tiny):
    rows = datasets.read_rows(tiny.movies_pattern)
    assert [text(row, "movie_id")[0] for row in rows] == ["m1", "m2", "m3", "m4", "m5", "m6", "m7"]
    assert text(rows[1], "movie_genres") == ["Comedy", "Romance"]


def test_properties_count_what_was_written(tiny):
    counts = {name: integer(tiny.examples, key) for name, key in artifacts.ROWS.items()}
    assert counts == {"train": 5, "eval": 3, "test": 3}
    assert integer(tiny.examples, artifacts.USERS) == 3
    assert integer(tiny.examples, artifacts.MOVIES) == 7
    assert integer(tiny.examples, artifacts.DUPLICATES_DROPPED) == 0
    assert integer(tiny.examples, artifacts.HAS_RATINGS) == 1
    assert integer(tiny.examples, artifacts.HAS_TIMESTAMPS) == 1
    assert integer(tiny.movies, artifacts.CATALOGUE_ROWS) == 7
    assert integer(tiny.movies, artifacts.ADDED_TO_CATALOGUE) == 0


def test_artifacts_name_their_splits(tiny):
    from tfx.types import artifact_utils

    assert artifact_utils.decode_split_names(tiny.examples.split_names) == ["train", "eval", "test"]
    assert artifact_utils.decode_split_names(tiny.sequences.split_names) == ["train"]
    assert artifact_utils.decode_split_names(tiny.movies.split_names) == ["all"]


def test_the_arrays_of_the_trainers_read_the_same(tiny):
    from components import examples

    catalogue = examples.read_catalogue([tiny.movies_pattern])
    marked = examples.read_marked_rows([tiny.pattern("test")], catalogue.movie_ids)
    assert marked.user_ids.tolist() == [b"ann", b"bob"]
    assert [marked.seen[0].tolist(), marked.seen[1].tolist()] == [[0, 1, 2, 3], [0, 2]]
    assert [marked.held_out[0].tolist(), marked.held_out[1].tolist()] == [[4, 5], [4]]
    assert len(examples.read_interactions([tiny.pattern("train")], catalogue.movie_ids).ratings) == 5


def random_data(folder: Path, seed: int, kind: str) -> DataConfig:
    """Some users and movies, many equal times, few rows for some; for presplit in three files."""
    rng = random.Random(seed)
    users = [f"user {n}" for n in range(rng.randint(1, 12))]
    movies = [str(rng.randint(1, 10**6)) for _ in range(rng.randint(12, 30))]
    rows = [
        (user, movie, rng.randint(1, 10) / 2, rng.randint(0, 15))
        for user in users
        for movie in rng.sample(movies, rng.randint(1 if user != users[0] else 9, 12))
    ]
    rng.shuffle(rows)
    folder.mkdir()
    if kind != "presplit":
        write_csv(folder / "ratings.csv", RATINGS_HEADER, rows)
        return files(folder / "ratings.csv")
    third = len(rows) // 3
    for number in range(3):
        write_csv(folder / f"{number}.csv", RATINGS_HEADER, rows[number * third : (number + 1) * third])
    return files(folder / "0.csv", eval_ratings=str(folder / "1.csv"), test_ratings=str(folder / "2.csv"))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(3))
def test_random_data_agree_with_brute_force(tmp_path, kind, seed):
    config = random_data(tmp_path / "data", seed, kind)
    refit = seed == 0
    ingested = ingest(tmp_path, config, SplitConfig(kind=kind, held_out=2, history_length=4, refit=refit))
    parts = {name: ingested.rows(name) for name in ("train", "eval", "test")}
    facts = {pair(row): (row["timestamp"][0], row["rating"][0]) for rows in parts.values() for row in rows}
    given = [line.split(",") for path in (tmp_path / "data").iterdir() for line in path.read_text().split("\n")[1:-1]]
    assert sum(map(len, parts.values())) >= len({(user, movie) for user, movie, *_ in given}) - 2
    assert facts.items() == {(u, m): (int(t), float(r)) for u, m, r, t in given if (u, m) in facts}.items()

    def known(user: str, names: tuple[str, ...]) -> list[str]:
        movies = [pair(row)[1] for name in names for row in parts[name] if pair(row)[0] == user]
        return sorted(movies, key=lambda movie: (facts[user, movie][0], movie))

    fitted = ("train", "eval") if refit else ("train",)
    activity = collections.Counter(pair(row)[0] for name in fitted for row in parts[name])
    for name, before in (("eval", ("train",)), ("test", ("train", "eval"))):
        met = set()
        for row in parts[name]:
            user = pair(row)[0]
            history = known(user, before)
            assert text(row, "history_movie_ids") == history[-4:]
            assert row.get("history_ratings", []) == [facts[user, movie][1] for movie in history[-4:]]
            assert text(row, "held_out_movie_ids") == ([] if user in met else known(user, (name,)))
            assert text(row, "seen_movie_ids") == ([] if user in met else history)
            assert (text(row, "user_activity") == ["new"]) == (activity[user] == 0)
            met.add(user)
    for pattern, names in (
        (ingested.sequences_pattern, ("train",)),
        (ingested.refit_pattern, ("train", "eval") if refit else ()),
    ):
        sequences = {text(row, "user_id")[0]: text(row, "sequence_movie_ids") for row in read_rows(pattern)}
        assert sequences == {user: known(user, names) for user in activity if known(user, names)}


@pytest.mark.parametrize("kind", ["leave_last", "global_time", "random"])
def test_the_same_rows_in_another_order_are_written_alike(tmp_path, kind):
    rng = random.Random(1)
    rows = [(f"u{u}", f"m{m}", 3.5, rng.randint(1, 9)) for u in range(9) for m in range(12)]
    written = []
    for attempt in range(2):
        folder = tmp_path / str(attempt)
        folder.mkdir()
        path = write_csv(folder / "ratings.csv", RATINGS_HEADER, rows)
        written.append(contents(ingest(folder / "out", files(path), SplitConfig(kind=kind))))
        rng.shuffle(rows)
    assert written[0] == written[1]
    assert len(written[0]) == 5


def test_repeated_pairs_keep_the_latest_and_are_counted(tmp_path):
    folder = datasets.write_tiny(tmp_path / "data")
    with (folder / "ratings.csv").open("a") as file:
        file.write("ann,m1,1.5,150\nbob,m1,0.5,150\n")  # a later one, and one of the same time further down
    ingested = ingest(tmp_path, files(folder), SplitConfig(held_out=2))
    ratings = {pair(row): row["rating"][0] for row in ingested.rows("train")}
    assert (ratings["ann", "m1"], ratings["bob", "m1"]) == (1.5, 0.5)
    assert integer(ingested.examples, artifacts.DUPLICATES_DROPPED) == 2


def test_presplit_rows_that_an_earlier_file_has_are_left_out(tmp_path):
    parts = {
        "train": [("a", "x", 4, 9), ("b", "y", 3, 1)],
        "eval": [("a", "x", 1, 10), ("a", "y", 2, 2)],
        "test": [("a", "y", 5, 11), ("b", "x", 3, 3)],
    }
    paths = {name: str(write_csv(tmp_path / f"{name}.csv", RATINGS_HEADER, rows)) for name, rows in parts.items()}
    config = files(Path(paths["train"]), eval_ratings=paths["eval"], test_ratings=paths["test"])
    ingested = ingest(tmp_path, config)
    assert [sorted(map(pair, ingested.rows(name))) for name in parts] == [
        [("a", "x"), ("b", "y")],
        [("a", "y")],
        [("b", "x")],
    ]
    assert integer(ingested.examples, artifacts.DUPLICATES_DROPPED) == 2


def test_rated_movies_that_the_catalogue_lacks_are_added_at_its_end(tmp_path):
    folder = datasets.write_tiny(tmp_path / "data")
    with (folder / "ratings.csv").open("a") as file:
        file.write("dan,zz,3,1\ndan,Ä,3,2\ndan,m1,3,3\n")
    ingested = ingest(tmp_path, files(folder))
    rows = datasets.read_rows(ingested.movies_pattern)
    assert [(text(row, "movie_id"), text(row, "movie_title"), text(row, "movie_genres")) for row in rows[7:]] == [
        (["zz"], ["zz"], []),
        (["Ä"], ["Ä"], []),
    ]
    assert integer(ingested.movies, artifacts.ADDED_TO_CATALOGUE) == 2


def test_without_a_catalogue_ids_are_titles(tmp_path):
    folder = datasets.write_tiny(tmp_path / "data")
    ingested = ingest(tmp_path, files(folder / "ratings.csv"))
    rows = datasets.read_rows(ingested.movies_pattern)
    assert [text(row, "movie_title") for row in rows] == [[f"m{n}"] for n in range(1, 7)]
    assert integer(ingested.movies, artifacts.ADDED_TO_CATALOGUE) == 0


def test_a_catalogue_of_other_movies_is_refused(tmp_path):
    folder = datasets.write_tiny(tmp_path / "data")
    write_csv(folder / "movies.csv", MOVIES_HEADER, [("tt01", "Other", "War")])
    with pytest.raises(InputError, match="not one rated movie"):
        ingest(tmp_path, files(folder))


def test_data_without_ratings_and_times_run_through(tmp_path):
    path = write_csv(tmp_path / "r.csv", ("user", "item"), [(f"u{n % 5}", f"m{n}") for n in range(40)])
    ingested = ingest(tmp_path, files(path))
    assert {row["rating"][0] for row in ingested.rows("test")} == {1.0}
    assert integer(ingested.examples, artifacts.HAS_RATINGS) == 0
    assert integer(ingested.examples, artifacts.HAS_TIMESTAMPS) == 0
    assert sum(integer(ingested.examples, key) for key in artifacts.ROWS.values()) == 40


def test_a_failed_run_leaves_nothing_that_looks_like_examples(tmp_path):
    folder = datasets.write_tiny(tmp_path / "data")
    with (folder / "ratings.csv").open("a") as file:
        file.write("ann,m1,bad,150\n")
    with pytest.raises(InputError):
        ingest(tmp_path, files(folder))
    assert not list((tmp_path / "examples").iterdir())
    assert not list((tmp_path / "movies").iterdir())


def test_the_components_run_in_a_pipeline_and_new_data_are_no_cache_hit(tmp_path):
    from tfx.orchestration import metadata, pipeline
    from tfx.orchestration.local.local_dag_runner import LocalDagRunner

    from components.ingestion.component import MoviesExampleGen, RatingsExampleGen
    from components.ingestion.source import open_source
    from components.settings import to_json

    folder = datasets.write_tiny(tmp_path / "data")

    def run() -> int:
        config = files(folder)
        data = {"config": to_json(config), "fingerprint": open_source(config).fingerprint()}
        movies = MoviesExampleGen(**data).with_id("MoviesExampleGen")
        ratings = RatingsExampleGen(movies=movies.outputs["examples"], split=to_json(SplitConfig()), **data)
        LocalDagRunner().run(
            pipeline.Pipeline(
                pipeline_name="ingestion",
                pipeline_root=str(tmp_path / "root"),
                components=[movies, ratings.with_id("RatingsExampleGen")],
                enable_cache=True,
                metadata_connection_config=metadata.sqlite_metadata_connection_config(str(tmp_path / "m.sqlite")),
            )
        )
        return len(list((tmp_path / "root" / "RatingsExampleGen" / "examples").glob("*/Split-train")))

    assert [run(), run()] == [1, 1]
    with (folder / "ratings.csv").open("a") as file:
        file.write("dan,m1,3,1\n")
    assert run() == 2
