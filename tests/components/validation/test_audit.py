"""Clean data of every kind of split passes the comparison with the source; a leak planted in each place stops it."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
import tensorflow as tf
from tfx.types import standard_artifacts

from components import artifacts
from components.errors import InputError
from components.ingestion.config import DataConfig, SplitConfig
from components.settings import to_json
from components.validation.executor import _audit
from tests.datasets import ingest, write_csv

DATED, HEADER = ("userId", "movieId", "rating", "timestamp"), ("userId", "movieId", "rating")
FORMS = {
    "leave_last": ({}, {}),
    "leave_last with refit": ({}, {"refit": True, "held_out": 2}),
    "a short history": ({}, {"history_length": 3}),
    "global_time": ({}, {"kind": "global_time"}),
    "random": ({}, {"kind": "random"}),
    "undated": ({"undated": True}, {}),
    "without ratings": ({"unrated": True}, {}),
    "presplit": ({"presplit": True}, {"refit": True}),
    "new users": ({}, {"new_users": 0.5, "held_out": 2}),
    "new users at random": ({}, {"new_users": 0.5, "kind": "random"}),
}


def rows():
    """30 users with 4 to 15 rows; ties in time, and pairs that occur twice."""
    generator = np.random.default_rng(3)
    found = []
    for user in range(30):
        movies = generator.permutation(40)[: generator.integers(4, 16)]
        times = generator.integers(0, 12, size=len(movies)) * 100
        stars = generator.integers(1, 11, size=len(movies)) / 2
        found += [(f"u{user}", f"m{m}", s, t) for m, s, t in zip(movies, stars, times, strict=True)]
    found += [(user, movie, 0.5, time + 50 * (at % 3 - 1)) for at, (user, movie, _, time) in enumerate(found[::17])]
    return [found[at] for at in generator.permutation(len(found))]


def written(folder, form):
    """What ingestion makes of the rows, and the properties that the gate gets."""
    options, split = FORMS[form]
    header, columns = (HEADER, 3) if options.get("undated") else (DATED, 4)
    data = [row[:columns] for row in rows()]
    if options.get("unrated"):
        header, data = ("userId", "movieId", "timestamp"), [(u, m, t) for u, m, _, t in rows()]
    folder.mkdir(parents=True)
    if options.get("presplit"):
        parts = [data[:200], data[180:250], data[240:]]  # rows that an earlier file has are left out
        paths = [str(write_csv(folder / f"{name}.csv", header, part)) for name, part in zip("abc", parts, strict=True)]
        config = DataConfig(source="files", ratings=paths[0], eval_ratings=paths[1], test_ratings=paths[2])
    else:
        config = DataConfig(source="files", ratings=str(write_csv(folder / "ratings.csv", header, data)))
    split = SplitConfig(**split)
    ingested = ingest(folder / "written", config, split)
    return ingested, {"data": to_json(config), "split": to_json(split), "audit_users": 1000}


def compare(ingested, properties):
    return _audit({"examples": [ingested.examples], "sequences": [ingested.sequences]}, properties)


@pytest.mark.parametrize("form", FORMS)
def test_clean_data_passes(tmp_path, form):
    ingested, properties = written(tmp_path / "data", form)
    assert compare(ingested, properties) == 30
    assert 0 < compare(ingested, {**properties, "audit_users": 15}) < 30  # half of the users, by their hash
    assert compare(ingested, {**properties, "audit_users": 0}) == 0


@pytest.fixture(scope="module")
def clean(tmp_path_factory):
    return written(tmp_path_factory.mktemp("clean") / "data", "leave_last with refit")


def values(row, name):
    return row.features.feature[name].bytes_list.value


def first_of(records, *, marked=True):
    """A row of eval or test whose user has two of them."""
    return next(row for row in records if len(values(row, "held_out_movie_ids")) == 2 or not marked)


def movie_in_its_own_history(tests, _):
    row = first_of(tests)
    values(row, "history_movie_ids").append(values(row, "movie_id")[0])
    row.features.feature["history_ratings"].float_list.value.append(4.0)


def other_held_out_movie_in_the_history(tests, _):
    row = first_of(tests)
    values(row, "history_movie_ids")[0] = values(row, "held_out_movie_ids")[1]


def held_out_movie_among_the_seen(tests, _):
    row = first_of(tests)
    values(row, "seen_movie_ids").append(values(row, "held_out_movie_ids")[1])


def held_out_movie_not_asked_for(tests, _):
    values(first_of(tests), "held_out_movie_ids").pop()


def no_row_of_a_user_marked(tests, _):
    row = first_of(tests)
    del values(row, "held_out_movie_ids")[:], values(row, "seen_movie_ids")[:]


def held_out_row_in_the_sequence(sequences, tests):
    for row in sequences:
        mine = [one for one in tests if values(one, "user_id")[0] == values(row, "user_id")[0]]
        if mine:
            features = row.features.feature
            features["sequence_movie_ids"].bytes_list.value.append(values(mine[0], "movie_id")[0])
            features["sequence_ratings"].float_list.value.append(mine[0].features.feature["rating"].float_list.value[0])
            features["sequence_timestamps"].int64_list.value.append(10**9)
            return


def held_out_row_among_the_training_rows(train, tests):
    train.append(tests[0])


def rating_changed(train, _):
    train[0].features.feature["rating"].float_list.value[0] += 0.5


@pytest.mark.parametrize(
    ("place", "plant", "message"),
    [
        ("examples/Split-test", movie_in_its_own_history, "split test: a history hold"),
        ("examples/Split-test", other_held_out_movie_in_the_history, "split test: a history hold"),
        ("examples/Split-eval", movie_in_its_own_history, "split eval: a history hold"),
        ("examples/Split-test", held_out_movie_among_the_seen, "split test: the seen movies hold"),
        ("examples/Split-test", held_out_movie_not_asked_for, "split test: held-out lack"),
        ("examples/Split-test", no_row_of_a_user_marked, "split test: 0 marked rows"),
        ("sequences/Split-train", held_out_row_in_the_sequence, "sequence train: it hold"),
        ("sequences/Split-train_and_eval", held_out_row_in_the_sequence, "sequence train_and_eval: it hold"),
        ("examples/Split-train", held_out_row_among_the_training_rows, "train, eval and test have"),
        ("examples/Split-train", rating_changed, "train, eval and test hold"),
    ],
)
def test_a_leak_stops_the_run(clean, tmp_path, place, plant, message):
    ingested, properties = clean
    copied = {}
    for name in ("examples", "sequences"):
        copied[name] = standard_artifacts.Examples()
        copied[name].copy_from(getattr(ingested, name))
        copied[name].uri = str(tmp_path / name)
        shutil.copytree(getattr(ingested, name).uri, tmp_path / name)
    tests = read(tmp_path / "examples" / "Split-test")
    records = read(tmp_path / place)
    plant(records, tests)
    write(tmp_path / place, records)
    with pytest.raises(InputError) as error:
        _audit({name: [artifact] for name, artifact in copied.items()}, properties)
    assert message in str(error.value)
    assert "--no-cache" in str(error.value)


def read(folder):
    (path,) = folder.iterdir()
    return [tf.train.Example.FromString(one) for one in tf.data.TFRecordDataset(str(path), "GZIP").as_numpy_iterator()]


def write(folder, records):
    (path,) = folder.iterdir()
    with tf.io.TFRecordWriter(str(path), "GZIP") as writer:
        for record in records:
            writer.write(record.SerializeToString())


def test_the_number_of_users_is_that_of_ingestion(clean):
    assert clean[0].examples.get_int_custom_property(artifacts.USERS) == 30
