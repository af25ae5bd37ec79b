"""From files to Examples: what is written is compared with hand-made answers and with brute force."""

from __future__ import annotations

import csv
import random
from pathlib import Path

import pytest

from components import artifacts
from components.errors import InputError
from components.feature_specs import FeaturesConfig
from components.features import TRAIN_PART
from components.ingestion.config import DataConfig, SplitConfig
from tests import datasets
from tests.datasets import (
    ITEMS_HEADER,
    RATINGS_HEADER,
    TINY_EVAL,
    TINY_TEST,
    TINY_TRAIN,
    ingest,
    read_rows,
    write_csv,
)

KINDS = ("leave_last", "global_time", "last_days", "random", "presplit")


def files(folder: Path, **options) -> DataConfig:
    return DataConfig(source="files", ratings=str(folder), **options)


def text(row: dict, name: str) -> list[str]:
    return [value.decode() for value in row.get(name, [])]


def pair(row: dict) -> tuple[str, str]:
    return text(row, "user_id")[0], text(row, "item_id")[0]


def integer(artifact, key: str) -> int:
    return artifact.get_int_custom_property(key)


def sequences(ingested: datasets.Ingested, *parts: int) -> dict[str, list[str]]:
    """Items of each user in some parts (all by default), in order; users without any left out."""
    found = {}
    for row in read_rows(ingested.sequences_pattern):
        of_rows = row["sequence_parts"][0]
        items = [
            m for m, part in zip(text(row, "sequence_item_ids"), of_rows, strict=True) if not parts or part in parts
        ]
        if items:
            found[text(row, "user_id")[0]] = items
    return found


def contents(ingested: datasets.Ingested) -> dict[str, list[dict]]:
    """Every row of every file (compared as rows: the order of features inside a tf.Example is not fixed)."""
    root = Path(ingested.examples.uri).parent
    return {str(path.relative_to(root)): datasets.read_rows(str(path)) for path in sorted(root.rglob("*.gz"))}


@pytest.fixture(scope="module")
def tiny(tmp_path_factory) -> datasets.Ingested:
    folder = tmp_path_factory.mktemp("tiny")
    return ingest(folder, files(datasets.write_tiny(folder / "data")), SplitConfig(held_out=2, history_length=3))


def test_tiny_data_are_parted_as_by_hand(tiny):
    train = sequences(tiny, TRAIN_PART)
    assert {(user, item) for user, items in train.items() for item in items} == TINY_TRAIN
    assert {pair(row) for row in tiny.rows("eval")} == TINY_EVAL
    assert {pair(row) for row in tiny.rows("test")} == TINY_TEST


def test_a_sequence_holds_every_row_of_a_user_in_order_with_its_part(tiny):
    assert sequences(tiny) == {
        "ann": ["m1", "m2", "m3", "m4", "m5", "m6"],
        "bob": ["m1", "m3", "m5"],
        "cy": ["m6", "m1"],
    }
    ann, bob, cy = read_rows(tiny.sequences_pattern)
    assert [list(row["sequence_parts"][0]) for row in (ann, bob, cy)] == [[0, 0, 1, 1, 2, 2], [0, 1, 2], [0, 0]]
    assert (cy["sequence_ratings"], cy["sequence_timestamps"]) == ([0.5, 2.0], [50, 60])
    assert "sequence_weights" not in ann


def test_what_the_judged_models_learn_from_decides_the_buckets(tmp_path):
    split = SplitConfig(held_out=2, history_length=3)
    refit = ingest(tmp_path, files(datasets.write_tiny(tmp_path / "data")), split, refit=True)
    assert integer(refit.sequences, artifacts.REFIT) == 1
    # m3 is in eval twice, m5 in test only.
    popularity = {pair(row)[1]: text(row, "item_popularity") for name in ("eval", "test") for row in refit.rows(name)}
    assert popularity == {"m3": ["1-4"], "m4": ["1-4"], "m5": ["new"], "m6": ["1-4"]}


def test_a_row_carries_its_values_title_genres_and_buckets(tiny):
    row = next(row for row in tiny.rows("test") if pair(row) == ("ann", "m6"))
    assert (row["rating"], row["timestamp"]) == ([4.5], [600])
    assert text(row, "item_title") == ["Sixth Séance (2016)"]
    assert text(row, "item_genres") == ["Horror"]
    assert text(row, "user_activity") == ["1-19"]
    assert text(row, "item_popularity") == ["1-4"]  # cy's training row
    never_trained = next(row for row in tiny.rows("test") if pair(row) == ("ann", "m5"))
    assert text(never_trained, "item_popularity") == ["new"]
    assert next(text(row, "item_genres") for row in tiny.rows("eval") if pair(row) == ("ann", "m4")) == []


def test_histories_are_what_was_known_before_the_part_latest_at_the_end(tiny):
    histories = {pair(row): text(row, "history_item_ids") for row in tiny.rows("test")}
    # history_length is 3: of m1 m2 m3 m4 the oldest is cut off.
    assert histories == {
        ("ann", "m5"): ["m2", "m3", "m4"],
        ("ann", "m6"): ["m2", "m3", "m4"],
        ("bob", "m5"): ["m1", "m3"],
    }
    ratings = {pair(row): row["history_ratings"] for row in tiny.rows("test")}
    assert ratings[("ann", "m5")] == [3.0, 5.0, 2.0]
    assert not any("history_item_ids" in row for row in tiny.rows("eval"))  # which no served model is asked about


def test_only_the_first_row_of_a_user_is_marked(tiny):
    marks = {pair(row): (text(row, "held_out_item_ids"), text(row, "seen_item_ids")) for row in tiny.rows("test")}
    assert marks == {
        ("ann", "m5"): (["m5", "m6"], ["m1", "m2", "m3", "m4"]),
        ("ann", "m6"): ([], []),
        ("bob", "m5"): (["m5"], ["m1", "m3"]),
    }


def test_the_catalogue_keeps_the_order_of_its_file(tiny):
    rows = datasets.read_rows(tiny.items_pattern)
    assert [text(row, "item_id")[0] for row in rows] == ["m1", "m2", "m3", "m4", "m5", "m6", "m7"]
    assert text(rows[1], "item_genres") == ["Comedy", "Romance"]


def test_entities_know_the_number_of_their_rows(tiny):
    items, users = (datasets.read_rows(pattern) for pattern in (tiny.items_pattern, tiny.users_pattern))
    assert [row["rows"] for row in items] == [[3], [1], [2], [1], [2], [2], [0]]
    assert {text(row, "user_id")[0]: row["rows"] for row in users} == {"ann": [6], "bob": [3], "cy": [2]}


def test_properties_count_what_was_written(tiny):
    counts = {name: integer(tiny.examples, key) for name, key in artifacts.ROWS.items()}
    assert counts == {"train": 5, "eval": 3, "test": 3}
    assert integer(tiny.examples, artifacts.USERS) == 3
    assert integer(tiny.examples, artifacts.ITEMS) == 7
    assert integer(tiny.examples, artifacts.DUPLICATES_DROPPED) == 0
    assert integer(tiny.examples, artifacts.HAS_RATINGS) == 1
    assert integer(tiny.examples, artifacts.HAS_TIMESTAMPS) == 1
    assert integer(tiny.entities, artifacts.ITEMS) == 7
    assert integer(tiny.entities, artifacts.ADDED_TO_CATALOGUE) == 0
    assert tiny.examples.get_string_custom_property(artifacts.LEAVE_OUT_SEEN) == "always"
    assert tiny.examples.get_string_custom_property(artifacts.LIKED_FROM) == ""


def test_artifacts_name_their_splits(tiny):
    from tfx.types import artifact_utils

    assert artifact_utils.decode_split_names(tiny.examples.split_names) == ["eval", "test"]
    assert artifact_utils.decode_split_names(tiny.sequences.split_names) == ["all"]
    assert artifact_utils.decode_split_names(tiny.entities.split_names) == ["items", "users"]


def test_the_arrays_of_the_trainers_read_the_same(tiny):
    from components import examples

    catalogue = examples.read_catalogue([tiny.items_pattern])
    marked = examples.read_marked_rows([tiny.pattern("test")], catalogue.item_ids)
    assert marked.user_ids.tolist() == [b"ann", b"bob"]
    assert [marked.seen[0].tolist(), marked.seen[1].tolist()] == [[0, 1, 2, 3], [0, 2]]
    assert [marked.held_out[0].tolist(), marked.held_out[1].tolist()] == [[4, 5], [4]]
    assert len(examples.read_interactions([tiny.pattern("eval")], catalogue.item_ids).ratings) == 3
    read = examples.read_sequences([tiny.sequences_pattern], catalogue.item_ids, [TRAIN_PART])
    assert read.user_ids.tolist() == [b"ann", b"bob", b"cy"]
    assert [read.items[user].tolist() for user in range(3)] == [[0, 1], [0], [5, 0]]


def random_data(folder: Path, seed: int, kind: str) -> DataConfig:
    """Some users and items, some equal times, few rows for some, repeats; for presplit in three files."""
    rng = random.Random(seed)
    users = [f"user {n}" for n in range(rng.randint(2, 12))]
    items = [str(rng.randint(1, 10**6)) for _ in range(rng.randint(12, 30))]
    rated = rng.random() < 0.5
    rows = [
        (user, item, rng.randint(1, 10) / 2, rng.randint(0, 40) * 86_400)
        for user in users
        for item in rng.choices(items, k=rng.randint(1 if user != users[0] else 9, 14))
    ]
    rng.shuffle(rows)
    header, rows = (
        (RATINGS_HEADER, rows) if rated else (("user", "item", "timestamp"), [(u, m, t) for u, m, _, t in rows])
    )
    folder.mkdir()
    if kind != "presplit":
        write_csv(folder / "ratings.csv", header, rows)
        return files(folder / "ratings.csv")
    third = len(rows) // 3
    for number in range(3):
        write_csv(folder / f"{number}.csv", header, rows[number * third : (number + 1) * third])
    return files(folder / "0.csv", eval_ratings=str(folder / "1.csv"), test_ratings=str(folder / "2.csv"))


def given_rows(folder: Path) -> set[tuple[str, str, int]]:
    """Distinct (user, item, time) of the files."""
    found = set()
    for path in folder.iterdir():
        header, *lines = path.read_text().split("\n")[:-1]
        time = header.split(",").index("timestamp")
        found |= {(*line.split(",")[:2], int(line.split(",")[time])) for line in lines}
    return found


@pytest.mark.parametrize("seen", ["always", "never", "for_days:10"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(3))
def test_what_is_written_follows_from_the_source_by_brute_force(tmp_path, kind, seed, seen):
    """The rows of the source, sorted and parted here once more, without the code that wrote them.

    A held-out row in a history or in what the models learn from makes metrics better, so no gate on metrics sees it.
    """
    config = random_data(tmp_path / "data", seed, kind)
    split = SplitConfig(kind=kind, held_out=2, history_length=4, days=5)
    ingested = ingest(tmp_path, config, split, leave_out_seen=seen)
    given = given_rows(tmp_path / "data")
    rated = integer(ingested.examples, artifacts.HAS_RATINGS)
    days = {"always": 10**6, "never": -1, "for_days:10": 10}[seen]
    held_out = {name: ingested.rows(name) for name in ("eval", "test")}
    written = 0
    for row in read_rows(ingested.sequences_pattern):
        user, parts = text(row, "user_id")[0], list(row["sequence_parts"][0])
        rows = list(zip(text(row, "sequence_item_ids"), row["sequence_timestamps"], parts, strict=True))
        written += len(rows)
        times = [time for _, time, _ in rows]
        assert times == sorted(times)
        if rated:  # one row a pair, and of each pair the latest within its first part
            assert len({item for item, *_ in rows}) == len(rows)
        assert {(user, item, time) for item, time, _ in rows} <= given
        if kind in ("leave_last", "global_time", "last_days"):
            assert parts == sorted(parts)
        for name, part in (("eval", 1), ("test", 2)):
            before = [(item, time) for item, time, known in rows if known < part]
            wanted = [(item, time) for item, time, known in rows if known == part]
            mine = [row for row in held_out[name] if text(row, "user_id") == [user]]
            assert [(pair(row)[1], row["timestamp"][0]) for row in mine] == wanted
            for number, row in enumerate(mine):
                if name == "test":
                    assert text(row, "history_item_ids") == [item for item, _ in before[-4:]]
                moment = row["timestamp"][0]
                out = [item for item, time in before if time >= moment - days * 86_400] if seen != "never" else []
                assert text(row, "seen_item_ids") == (out if number == 0 else [])
                distinct = list(dict.fromkeys(item for item, _ in wanted))
                assert text(row, "held_out_item_ids") == (distinct if number == 0 else [])
    if not rated:
        assert written >= len(given)  # the three files of presplit may hold a moment each
    assert sum(integer(ingested.examples, key) for key in artifacts.ROWS.values()) == written


def test_a_dislike_is_known_and_never_asked_for(tmp_path):
    rows = [("u", f"m{number}", rating, number) for number, rating in enumerate((1, -1, 1, 1, 1, -1, 1, -1, 1))]
    path = write_csv(tmp_path / "r.csv", RATINGS_HEADER, rows)
    ingested = ingest(tmp_path, files(path), SplitConfig(held_out=3))
    (marked, *_) = ingested.rows("test")
    assert ingested.examples.get_string_custom_property(artifacts.LIKED_FROM) == "1.0"
    assert text(marked, "held_out_item_ids") == ["m6", "m8"]
    assert text(marked, "seen_item_ids") == ["m0", "m1", "m2", "m3", "m4", "m5"]


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
    assert len(written[0]) == 5  # items, users, sequences, eval, test


def test_repeated_pairs_keep_the_latest_and_are_counted(tmp_path):
    folder = datasets.write_tiny(tmp_path / "data")
    with (folder / "ratings.csv").open("a") as file:
        file.write("ann,m1,1.5,150\nbob,m1,0.5,150\n")  # a later one, and one of the same time further down
    ingested = ingest(tmp_path, files(folder), SplitConfig(held_out=2))
    ratings = {
        (text(row, "user_id")[0], item): rating
        for row in read_rows(ingested.sequences_pattern)
        for item, rating in zip(text(row, "sequence_item_ids"), row["sequence_ratings"], strict=True)
    }
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
    assert sequences(ingested, TRAIN_PART) == {"a": ["x"], "b": ["y"]}
    assert [sorted(map(pair, ingested.rows(name))) for name in ("eval", "test")] == [[("a", "y")], [("b", "x")]]
    assert integer(ingested.examples, artifacts.DUPLICATES_DROPPED) == 2


def test_rated_items_that_the_catalogue_lacks_are_added_at_its_end(tmp_path):
    folder = datasets.write_tiny(tmp_path / "data")
    with (folder / "ratings.csv").open("a") as file:
        file.write("dan,zz,3,1\ndan,Ä,3,2\ndan,m1,3,3\n")
    ingested = ingest(tmp_path, files(folder))
    rows = datasets.read_rows(ingested.items_pattern)
    assert [(text(row, "item_id"), text(row, "item_title"), text(row, "item_genres")) for row in rows[7:]] == [
        (["zz"], ["zz"], []),
        (["Ä"], ["Ä"], []),
    ]
    assert integer(ingested.entities, artifacts.ADDED_TO_CATALOGUE) == 2


def test_without_a_catalogue_ids_are_titles(tmp_path):
    folder = datasets.write_tiny(tmp_path / "data")
    ingested = ingest(tmp_path, files(folder / "ratings.csv"))
    rows = datasets.read_rows(ingested.items_pattern)
    assert [text(row, "item_title") for row in rows] == [[f"m{n}"] for n in range(1, 7)]
    assert integer(ingested.entities, artifacts.ADDED_TO_CATALOGUE) == 0


def test_a_catalogue_of_other_items_is_refused(tmp_path):
    folder = datasets.write_tiny(tmp_path / "data")
    write_csv(folder / "movies.csv", ITEMS_HEADER, [("tt01", "Other", "War")])
    with pytest.raises(InputError, match="not one item"):
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
    assert not list((tmp_path / "entities").iterdir())


def test_the_component_runs_in_a_pipeline_and_new_data_are_no_cache_hit(tmp_path):
    from tfx.orchestration import metadata, pipeline
    from tfx.orchestration.local.local_dag_runner import LocalDagRunner

    from components.ingestion.component import InteractionExampleGen
    from components.ingestion.opening import open_source
    from components.settings import to_json

    folder = datasets.write_tiny(tmp_path / "data")

    def run() -> int:
        config = files(folder)
        generator = InteractionExampleGen(
            config=to_json(config),
            split=to_json(SplitConfig()),
            features=to_json(FeaturesConfig()),
            refit=False,
            leave_out_seen="auto",
            fingerprint=open_source(config).fingerprint(),
        )
        LocalDagRunner().run(
            pipeline.Pipeline(
                pipeline_name="ingestion",
                pipeline_root=str(tmp_path / "root"),
                components=[generator.with_id("ExampleGen")],
                enable_cache=True,
                metadata_connection_config=metadata.sqlite_metadata_connection_config(str(tmp_path / "m.sqlite")),
            )
        )
        return len(list((tmp_path / "root" / "ExampleGen" / "sequences").glob("*/Split-all")))

    assert [run(), run()] == [1, 1]
    with (folder / "ratings.csv").open("a") as file:
        file.write("dan,m1,3,1\n")
    assert run() == 2


def test_skipped_rows_lie_beside_the_profile_and_there_is_no_file_without_any(tmp_path):
    rows = [(f"u{user}", f"m{item}", "4", 10 * user + item) for user in range(4) for item in range(5)]
    path = write_csv(tmp_path / "r.csv", RATINGS_HEADER, [*rows, ("u1", "m9", "often", 99)])
    ingested = ingest(tmp_path / "skipping", files(path, bad_rows="skip", max_bad_share=0.5), SplitConfig(held_out=1))
    with (Path(ingested.profile.uri) / artifacts.SKIPPED_ROWS).open(newline="", encoding="utf-8") as file:
        assert list(csv.reader(file)) == [
            ["file", "row", "what is wrong", "value"],
            [str(path), "22", "the rating is not a number", "'often'"],
        ]
    whole = ingest(
        tmp_path / "whole", files(write_csv(tmp_path / "w.csv", RATINGS_HEADER, rows)), SplitConfig(held_out=1)
    )
    assert not (Path(whole.profile.uri) / artifacts.SKIPPED_ROWS).exists()
